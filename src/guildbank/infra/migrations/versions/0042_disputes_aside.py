"""What open disputes claim of a payment and withdrew of it, whose coins lie in suspense."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0042_disputes_aside"
down_revision = "0041_room_for_coins"
branch_labels = None
depends_on = None
# Older code knows nothing of what is set aside, and writes over it.
alone = True

SQL = """
ALTER TABLE payments_attempt
    ADD COLUMN aside_minor BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN undecided_minor BIGINT DEFAULT '0' NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
