"""People who work for a tenant or run the deployment, with their sessions and roles."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0010_operators"
down_revision = "0009_lives"
branch_labels = None
depends_on = None

# Both planes keep operators alike.
SQL = """
CREATE TABLE identity_operator (
    id TEXT NOT NULL,
    address TEXT NOT NULL,
    canonical TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    password_hash TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_operator PRIMARY KEY (id),
    CONSTRAINT ck_identity_operator_state CHECK (state IN ('active', 'suspended', 'removed'))
);

CREATE UNIQUE INDEX ix_identity_operator_canonical
    ON identity_operator (canonical)
    WHERE state <> 'removed';

CREATE TABLE identity_role (
    name TEXT NOT NULL,
    permissions TEXT[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_role PRIMARY KEY (name)
);

CREATE TABLE identity_operator_invitation (
    id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    kind TEXT NOT NULL,
    address TEXT,
    canonical TEXT,
    roles TEXT[] NOT NULL,
    invited_by TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_operator_invitation PRIMARY KEY (id),
    CONSTRAINT ck_identity_operator_invitation_kind
        CHECK (kind IN ('mailed', 'first_owner', 'by_host')),
    CONSTRAINT ck_identity_operator_invitation_address
        CHECK ((kind = 'mailed') = (canonical IS NOT NULL)),
    CONSTRAINT uq_identity_operator_invitation_hash UNIQUE (hash),
    CONSTRAINT uq_identity_operator_invitation_canonical UNIQUE (canonical),
    CONSTRAINT fk_identity_operator_invitation_invited_by
        FOREIGN KEY(invited_by) REFERENCES identity_operator (id)
);

CREATE INDEX ix_identity_operator_invitation_expires_at
    ON identity_operator_invitation (expires_at);

CREATE TABLE identity_operator_recovery (
    operator_id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_identity_operator_recovery PRIMARY KEY (operator_id, hash),
    CONSTRAINT fk_identity_operator_recovery_operator_id
        FOREIGN KEY(operator_id) REFERENCES identity_operator (id)
);

CREATE TABLE identity_operator_role (
    operator_id TEXT NOT NULL,
    role TEXT NOT NULL,
    CONSTRAINT pk_identity_operator_role PRIMARY KEY (operator_id, role),
    CONSTRAINT fk_identity_operator_role_operator_id
        FOREIGN KEY(operator_id) REFERENCES identity_operator (id)
);

CREATE INDEX ix_identity_operator_role_role ON identity_operator_role (role);

CREATE TABLE identity_operator_session (
    hash BYTEA NOT NULL,
    id TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    device TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    fresh_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_operator_session PRIMARY KEY (hash),
    CONSTRAINT uq_identity_operator_session_id UNIQUE (id),
    CONSTRAINT fk_identity_operator_session_operator_id
        FOREIGN KEY(operator_id) REFERENCES identity_operator (id)
);

CREATE INDEX ix_identity_operator_session_expires_at ON identity_operator_session (expires_at);

CREATE INDEX ix_identity_operator_session_operator_id
    ON identity_operator_session (operator_id);

CREATE TABLE identity_operator_ticket (
    hash BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    operator_id TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_operator_ticket PRIMARY KEY (hash),
    CONSTRAINT ck_identity_operator_ticket_purpose
        CHECK (purpose IN ('second_step', 'reset_password')),
    CONSTRAINT fk_identity_operator_ticket_operator_id
        FOREIGN KEY(operator_id) REFERENCES identity_operator (id)
);

CREATE INDEX ix_identity_operator_ticket_expires_at ON identity_operator_ticket (expires_at);

CREATE INDEX ix_identity_operator_ticket_operator_id
    ON identity_operator_ticket (operator_id, purpose);

CREATE TABLE identity_operator_totp (
    operator_id TEXT NOT NULL,
    secret BYTEA,
    pending BYTEA,
    last_step BIGINT DEFAULT 0 NOT NULL,
    CONSTRAINT pk_identity_operator_totp PRIMARY KEY (operator_id),
    CONSTRAINT fk_identity_operator_totp_operator_id
        FOREIGN KEY(operator_id) REFERENCES identity_operator (id)
);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    run_sql(op, SQL)
