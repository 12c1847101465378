"""Disputes that are not at their end are looked for all the time."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0046_unended_disputes"
down_revision = "0045_told_words"
branch_labels = None
depends_on = None

SQL = """
CREATE INDEX ix_payments_dispute_unended
    ON payments_dispute (changed_at)
    WHERE state IN ('early_warning', 'needs_response', 'under_review')
       OR (state = 'lost' AND NOT withdrawn)
       OR (state = 'won' AND withdrawn AND NOT reinstated);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
