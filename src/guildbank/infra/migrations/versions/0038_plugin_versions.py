"""Which version of a plugin wrote what it has to read again."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0038_plugin_versions"
down_revision = "0037_subscriptions"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE payments_attempt
    ADD COLUMN state_version INTEGER DEFAULT 1 NOT NULL;

ALTER TABLE payments_provider
    ADD COLUMN version TEXT DEFAULT '' NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
