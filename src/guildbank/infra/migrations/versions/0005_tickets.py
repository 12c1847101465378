"""Secrets that are mailed or handed out and work once."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0005_tickets"
down_revision = "0004_limits"
branch_labels = None
depends_on = None

SQL = """
CREATE TABLE identity_ticket (
    hash BYTEA NOT NULL,
    purpose TEXT NOT NULL,
    player_id TEXT,
    data BYTEA NOT NULL,
    code_hash BYTEA,
    tries INTEGER DEFAULT 0 NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_identity_ticket PRIMARY KEY (hash),
    CONSTRAINT fk_identity_ticket_player_id FOREIGN KEY(player_id) REFERENCES identity_player (id)
);

CREATE INDEX ix_identity_ticket_expires_at ON identity_ticket (expires_at);

CREATE INDEX ix_identity_ticket_player_id ON identity_ticket (player_id, purpose);
"""


def upgrade(plane: Plane, op: Operations) -> None:
    if plane == "tenant":
        run_sql(op, SQL)
