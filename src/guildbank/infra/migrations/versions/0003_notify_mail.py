"""Mail of tenants and of the deployment."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0003_notify_mail"
down_revision = "0002_accounts_of_players"
branch_labels = None
depends_on = None

# Both planes keep mail alike.
SQL = """
CREATE TABLE notify_mail (
    id TEXT NOT NULL,
    template TEXT NOT NULL,
    audience TEXT NOT NULL,
    state TEXT NOT NULL,
    key TEXT,
    to_hash BYTEA NOT NULL,
    sealed BYTEA,
    attempts INTEGER NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    reason TEXT,
    CONSTRAINT pk_notify_mail PRIMARY KEY (id),
    CONSTRAINT ck_notify_mail_state CHECK (state IN ('waiting', 'sent', 'failed', 'mailbox')),
    CONSTRAINT ck_notify_mail_audience CHECK (audience IN ('player', 'operator')),
    CONSTRAINT ck_notify_mail_mailbox CHECK (state <> 'mailbox' OR audience = 'player'),
    CONSTRAINT ck_notify_mail_sealed
        CHECK ((state IN ('waiting', 'mailbox')) = (sealed IS NOT NULL)),
    CONSTRAINT ck_notify_mail_ended
        CHECK ((state IN ('sent', 'failed')) = (ended_at IS NOT NULL))
);

CREATE INDEX ix_notify_mail_failed ON notify_mail (ended_at) WHERE state = 'failed';

CREATE INDEX ix_notify_mail_in_order ON notify_mail (id) WHERE state = 'mailbox';

CREATE INDEX ix_notify_mail_mailbox ON notify_mail (to_hash, id) WHERE state = 'mailbox';

CREATE INDEX ix_notify_mail_sent ON notify_mail (ended_at) WHERE state = 'sent';

CREATE INDEX ix_notify_mail_waiting ON notify_mail (next_attempt_at) WHERE state = 'waiting';

CREATE UNIQUE INDEX uq_notify_mail_template_key
    ON notify_mail (template, key)
    WHERE key IS NOT NULL;
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL)
