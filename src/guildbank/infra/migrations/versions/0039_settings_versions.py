"""Which version of its plugin stored the settings of a way to sign in, and of a captcha."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0039_settings_versions"
down_revision = "0038_plugin_versions"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE identity_provider
    ADD COLUMN version TEXT DEFAULT '' NOT NULL;

ALTER TABLE identity_protection
    ADD COLUMN captcha_version TEXT DEFAULT '' NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
