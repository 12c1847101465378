"""Room below a ceiling that is kept for coins which somebody is paying for."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0041_room_for_coins"
down_revision = "0040_more_states"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE ledger_account
    ADD COLUMN expected BIGINT DEFAULT 0 NOT NULL;

ALTER TABLE payments_intent
    ADD COLUMN room BOOLEAN DEFAULT false NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
