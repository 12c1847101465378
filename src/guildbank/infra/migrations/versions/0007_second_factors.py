"""Second factors of players, and whose passkeys a tenant takes."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0007_second_factors"
down_revision = "0006_accounts_elsewhere_and_gues"
branch_labels = None
depends_on = None

CONTROL = """
CREATE UNIQUE INDEX ix_tenancy_tenant_rp_id
    ON tenancy_tenant ((settings -> 'passkeys' ->> 'rp_id'))
    WHERE state <> 'deleted';
"""

TENANT = """
CREATE TABLE identity_factor (
    player_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    sealed BYTEA,
    last_step BIGINT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_factor PRIMARY KEY (player_id, kind),
    CONSTRAINT ck_identity_factor_kind CHECK (kind IN ('totp', 'mailed_code')),
    CONSTRAINT ck_identity_factor_secret
        CHECK ((kind = 'totp') = (sealed IS NOT NULL AND last_step IS NOT NULL)),
    CONSTRAINT fk_identity_factor_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE TABLE identity_recovery_code (
    player_id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_identity_recovery_code PRIMARY KEY (player_id, hash),
    CONSTRAINT fk_identity_recovery_code_player_id
        FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE TABLE identity_passkey (
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    credential_id BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    rp_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_identity_passkey PRIMARY KEY (id),
    CONSTRAINT fk_identity_passkey_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id),
    CONSTRAINT uq_identity_passkey_credential_id UNIQUE (credential_id)
);

CREATE INDEX ix_identity_passkey_player_id ON identity_passkey (player_id);

ALTER TABLE identity_session ADD COLUMN factor_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX ix_identity_session_player_id ON identity_session (player_id);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, CONTROL if plane == "control" else TENANT)
