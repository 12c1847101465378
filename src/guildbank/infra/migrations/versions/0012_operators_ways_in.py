"""Operators' passkeys, their sign-in by the studio's issuer, and nothing of who was removed."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0012_operators_ways_in"
down_revision = "0011_audit"
branch_labels = None
depends_on = None

# Both planes keep operators alike.
SQL = """
CREATE TABLE identity_operator_passkey (
    id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    credential_id BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    rp_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_identity_operator_passkey PRIMARY KEY (id),
    CONSTRAINT uq_identity_operator_passkey_credential_id UNIQUE (credential_id),
    CONSTRAINT fk_identity_operator_passkey_operator_id
        FOREIGN KEY(operator_id) REFERENCES identity_operator (id)
);

CREATE INDEX ix_identity_operator_passkey_operator_id
    ON identity_operator_passkey (operator_id);

CREATE TABLE identity_operator_studio (
    id TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    settings TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_operator_studio PRIMARY KEY (id),
    CONSTRAINT ck_identity_operator_studio_id CHECK (id = 'studio')
);

CREATE TABLE identity_operator_group (
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT pk_identity_operator_group PRIMARY KEY (name, role)
);

CREATE TABLE identity_operator_link (
    operator_id TEXT NOT NULL,
    key BYTEA NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_operator_link PRIMARY KEY (operator_id),
    CONSTRAINT uq_identity_operator_link_key UNIQUE (key),
    CONSTRAINT fk_identity_operator_link_operator_id
        FOREIGN KEY(operator_id) REFERENCES identity_operator (id)
);

ALTER TABLE identity_operator_ticket
    ALTER COLUMN operator_id DROP NOT NULL,
    ADD COLUMN data BYTEA,
    DROP CONSTRAINT ck_identity_operator_ticket_purpose,
    ADD CONSTRAINT ck_identity_operator_ticket_purpose CHECK (purpose IN
        ('second_step', 'reset_password', 'passkey_new', 'passkey_proof', 'passkey_sign_in',
         'studio_away'));

UPDATE identity_operator
SET address = '',
    canonical = id,
    name = 'Removed operator',
    password_hash = NULL
WHERE state = 'removed';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL)
