"""Keys and token signing in the control schema; players and their keys in each tenant's."""

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)

from guildbank.infra.database import control_metadata, tenant_metadata
from guildbank.infra.schema import add_tenant_ddl

IDENTITY_ORDER = 40

key = Table(
    "identity_key",
    control_metadata,
    Column("id", Text, primary_key=True),
    Column("application", Text, nullable=False),
    # Null for a key of the deployment.
    Column("tenant_id", Text, ForeignKey("tenancy_tenant.id")),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    # SHA-256 of a token of 256 random bits: nothing to guess, so no slow hash is needed.
    Column("hash", LargeBinary, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("replaced_by", Text, ForeignKey("identity_key.id")),
    # Networks from which it may be used; none means all.
    Column("allowed_addresses", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    Index("ix_identity_key_tenant_id_id", "tenant_id", "id"),
    CheckConstraint("kind IN ('secret', 'publishable')", name="kind"),
)

signing_key = Table(
    # Keys of player tokens; the newest signs, all that are listed verify.
    "identity_signing_key",
    control_metadata,
    Column("id", Text, primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("sealed_seed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

player = Table(
    "identity_player",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("external_id", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("state IN ('active', 'erased')", name="state"),
)

person_key = Table(
    # The key of a person's free-form payloads, wrapped; erasure deletes the row.
    "identity_person_key",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

add_tenant_ddl(
    "identity",
    IDENTITY_ORDER,
    """
CREATE VIEW identity_v_player AS
SELECT id, external_id, state, created_at
FROM identity_player
""",
)
