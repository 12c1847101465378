"""Count requests and tries to sign in, and let keys be used from some networks only."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0004_limits"
down_revision = "0003_notify_mail"
branch_labels = None
depends_on = None

# Old code inserts keys without the column, and gets keys that are good everywhere.
CONTROL = """
CREATE UNLOGGED TABLE infra_rate (
    key BYTEA NOT NULL,
    full_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_infra_rate PRIMARY KEY (key)
);
CREATE UNLOGGED TABLE infra_login_try (
    key BYTEA NOT NULL,
    tries INTEGER NOT NULL,
    free_at TIMESTAMP WITH TIME ZONE NOT NULL,
    forget_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_infra_login_try PRIMARY KEY (key)
);
CREATE INDEX ix_infra_login_try_forget_at ON infra_login_try (forget_at);
ALTER TABLE identity_key
    ADD COLUMN allowed_addresses TEXT[] DEFAULT '{}' NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "control":
        run_sql(op, CONTROL)
