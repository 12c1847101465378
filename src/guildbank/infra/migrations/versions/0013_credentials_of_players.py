"""Bind sign-ins to what they rest on, and tell who reads an address' mail from who claimed it."""

from alembic.operations import Operations

from guildbank.infra.migrations.history import Plane, run_sql

revision = "0013_credentials_of_players"
down_revision = "0012_operators_ways_in"
branch_labels = None
depends_on = None

# Addresses that were confirmed before this count as owned: which of their second factors somebody
# else left there cannot be told any more. So do accounts elsewhere that their player came with.
TENANT = """
ALTER TABLE identity_player ADD COLUMN credentials BIGINT NOT NULL DEFAULT 0;

ALTER TABLE identity_email ADD COLUMN owned_at TIMESTAMP WITH TIME ZONE;

UPDATE identity_email
SET owned_at = confirmed_at
WHERE confirmed_at IS NOT NULL;

ALTER TABLE identity_external ADD COLUMN vouched_for TEXT;

UPDATE identity_external AS link
SET vouched_for = email.canonical
FROM identity_email AS email, identity_player AS player
WHERE email.player_id = link.player_id
  AND player.id = link.player_id
  AND link.linked_at = player.created_at;

CREATE INDEX ix_identity_password_bcrypt
    ON identity_password (substr(hash, 5, 2))
    WHERE hash LIKE '$2%';
"""


def upgrade(plane: Plane, op: Operations) -> None:
    """Add what is missing."""
    if plane == "tenant":
        run_sql(op, TENANT)
