"""Keys of machines, the keys that sign tokens, and where the studio's server is asked."""

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    func,
    text,
)

from guildbank.infra.database import control_metadata, tenant_metadata

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
    # The application or operator that made it; null where the host's command line did.
    Column("created_by", Text),
    Index("ix_identity_key_tenant_id_id", "tenant_id", "id"),
    # Four eyes ask who made an application's keys.
    Index("ix_identity_key_application", "application"),
    CheckConstraint("kind IN ('secret', 'publishable')", name="kind"),
)

signing_key = Table(
    # Keys of tokens: of those whose time has come the newest signs, the others verify for a while.
    "identity_signing_key",
    control_metadata,
    Column("id", Text, primary_key=True),
    Column("public_key", Text, nullable=False),
    Column("sealed_seed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # Listed from its creation on, so that whoever verifies knows it before it signs.
    Column("signs_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

hook = Table(
    # Where the studio's own server is asked, at each point at most one.
    "identity_hook",
    tenant_metadata,
    Column("point", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("timeout_ms", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("point IN ('before_register', 'before_login', 'before_token')", name="point"),
)
