"""Which version of a provider's plugin left what payouts, destinations and customers stand on."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0040_more_states"
down_revision = "0039_settings_versions"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_payout_destination
    ADD COLUMN state_version INTEGER DEFAULT 1 NOT NULL;

ALTER TABLE payments_payout
    ADD COLUMN state_version INTEGER DEFAULT 1 NOT NULL;

ALTER TABLE payments_customer
    ADD COLUMN state_version INTEGER DEFAULT 1 NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
