"""What open disputes claim of a payment before its money goes, whose coins lie in suspense."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0044_disputes_aside"
down_revision = "0040_more_states"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_attempt
    ADD COLUMN aside_minor BIGINT DEFAULT '0' NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
