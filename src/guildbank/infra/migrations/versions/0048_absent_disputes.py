"""Disputes know when their money went and came back, so that reports can be asked for it."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0048_absent_disputes"
down_revision = "0047_bindings"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_dispute
    ADD COLUMN withdrawn_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN reinstated_at TIMESTAMP WITH TIME ZONE;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
