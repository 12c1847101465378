"""Accounts elsewhere, guests, and what a tenant sets up for them."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0006_accounts_elsewhere_and_gues"
down_revision = "0005_tickets"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE identity_external (
    key BYTEA NOT NULL,
    id TEXT NOT NULL,
    player_id TEXT NOT NULL,
    provider TEXT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_external PRIMARY KEY (key),
    CONSTRAINT uq_identity_external_id UNIQUE (id),
    CONSTRAINT fk_identity_external_player_id
        FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_external_player_id ON identity_external (player_id);

CREATE TABLE identity_guest (
    player_id TEXT NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT pk_identity_guest PRIMARY KEY (player_id),
    CONSTRAINT fk_identity_guest_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id),
    CONSTRAINT uq_identity_guest_hash UNIQUE (hash)
);

CREATE TABLE identity_provider (
    id TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    settings TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_provider PRIMARY KEY (id)
);

CREATE TABLE identity_return_url (
    url TEXT NOT NULL,
    CONSTRAINT pk_identity_return_url PRIMARY KEY (url)
);

CREATE TABLE identity_once (
    key BYTEA NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_once PRIMARY KEY (key)
);

CREATE INDEX ix_identity_once_until ON identity_once (until);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
