"""Standing, legal holds, erasures, consents and exports of players."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0009_lives"
down_revision = "0008_machines"
branch_labels = None
depends_on = None

SQL = """
ALTER TABLE identity_profile
ADD COLUMN age_confirmed_by TEXT,
ADD COLUMN age_method TEXT;

ALTER TABLE ledger_account
ADD COLUMN barred TEXT;

UPDATE ledger_account
SET barred = CASE WHEN player.state = 'suspended' THEN 'player_suspended' ELSE 'player_closed' END
FROM identity_player AS player
WHERE player.id = ledger_account.owner
  AND player.state <> 'active';

ALTER TABLE payments_refund
ADD COLUMN sealed_reason BYTEA;

CREATE TABLE identity_document (
    kind TEXT NOT NULL,
    version TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    required BOOLEAN NOT NULL,
    published_by TEXT NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_document PRIMARY KEY (kind, version)
);

CREATE TABLE identity_consent (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    version TEXT NOT NULL,
    given BOOLEAN NOT NULL,
    principal TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_consent PRIMARY KEY (id),
    CONSTRAINT fk_identity_consent_kind_version FOREIGN KEY(kind, version)
        REFERENCES identity_document (kind, version),
    CONSTRAINT fk_identity_consent_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_consent_player_id ON identity_consent (player_id, kind, id);

CREATE TABLE identity_erasure (
    player_id TEXT NOT NULL,
    own BOOLEAN NOT NULL,
    principal TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE,
    swept_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_identity_erasure PRIMARY KEY (player_id),
    CONSTRAINT fk_identity_erasure_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_erasure_open ON identity_erasure (due_at) WHERE swept_at IS NULL;

CREATE TABLE identity_export (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    state TEXT NOT NULL,
    principal TEXT NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ready_at TIMESTAMP WITH TIME ZONE,
    bytes BIGINT,
    problem TEXT,
    CONSTRAINT pk_identity_export PRIMARY KEY (id),
    CONSTRAINT ck_identity_export_state CHECK (state IN ('waiting', 'ready', 'failed')),
    CONSTRAINT fk_identity_export_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_export_expires_at ON identity_export (expires_at);

CREATE INDEX ix_identity_export_player_id ON identity_export (player_id, id);

CREATE INDEX ix_identity_export_waiting ON identity_export (id) WHERE state = 'waiting';

CREATE TABLE identity_legal_hold (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    placed_by TEXT NOT NULL,
    placed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    lifted_at TIMESTAMP WITH TIME ZONE,
    lifted_by TEXT,
    CONSTRAINT pk_identity_legal_hold PRIMARY KEY (id),
    CONSTRAINT fk_identity_legal_hold_player_id FOREIGN KEY(player_id)
        REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_legal_hold_player_id ON identity_legal_hold (player_id, id);

CREATE TABLE identity_standing (
    player_id TEXT NOT NULL,
    state TEXT NOT NULL,
    principal TEXT NOT NULL,
    since TIMESTAMP WITH TIME ZONE NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    sealed BYTEA,
    CONSTRAINT pk_identity_standing PRIMARY KEY (player_id),
    CONSTRAINT fk_identity_standing_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_standing_until ON identity_standing (until) WHERE until IS NOT NULL;

CREATE TABLE identity_export_part (
    export_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    CONSTRAINT pk_identity_export_part PRIMARY KEY (export_id, number),
    CONSTRAINT fk_identity_export_part_export_id FOREIGN KEY(export_id)
        REFERENCES identity_export (id)
);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
