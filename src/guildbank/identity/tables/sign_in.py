"""By what players come in: sessions, factors, tickets, accounts elsewhere."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
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
    text,
)

from guildbank.infra.database import tenant_metadata

session = Table(
    # Refresh tokens are made from the id and the counter under the tenant's key: none is stored.
    "identity_session",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("device", Text, nullable=False),
    Column("methods", ARRAY(Text), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("authenticated_at", DateTime(timezone=True), nullable=False),
    Column("refreshed_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ended_at", DateTime(timezone=True)),
    # When a second factor was last proved in it.
    Column("factor_at", DateTime(timezone=True)),
    Index("ix_identity_session_player_id", "player_id"),
    Index(
        "ix_identity_session_live",
        "player_id",
        "id",
        postgresql_where=text("ended_at IS NULL"),
    ),
)

factor = Table(
    # Second factors that a player has one of; passkeys have a table of their own.
    "identity_factor",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    # The secret that an authenticator app shares, under the tenant's key.
    Column("sealed", LargeBinary),
    # The last step of RFC 6238 whose code was accepted: none is accepted twice.
    Column("last_step", BigInteger),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("kind IN ('totp', 'mailed_code')", name="kind"),
    CheckConstraint(
        "(kind = 'totp') = (sealed IS NOT NULL AND last_step IS NOT NULL)", name="secret"
    ),
)

recovery_code = Table(
    # Hashes under the tenant's key; a code that was used is gone.
    "identity_recovery_code",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("hash", LargeBinary, primary_key=True),
)

passkey = Table(
    "identity_passkey",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    # What the authenticator counted last: one that counts less is a copy.
    Column("sign_count", BigInteger, nullable=False),
    # The host for which the browser made it: the tenant's setting may be another one by now.
    Column("rp_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True)),
    Index("ix_identity_passkey_player_id", "player_id"),
)

ticket = Table(
    # Secrets of 256 random bits that were mailed or handed out, by hash; used up, a row is gone.
    "identity_ticket",
    tenant_metadata,
    Column("hash", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("player_id", Text, ForeignKey("identity_player.id")),
    Column("data", LargeBinary, nullable=False),
    # Of a short code that a person types instead; its tries are counted.
    Column("code_hash", LargeBinary),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("ix_identity_ticket_player_id", "player_id", "purpose"),
    Index("ix_identity_ticket_expires_at", "expires_at"),
)

external = Table(
    # Accounts elsewhere; the key is a hash of issuer and subject, which may be long.
    "identity_external",
    tenant_metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False, index=True),
    Column("provider", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("linked_at", DateTime(timezone=True), nullable=False),
    # The address that the provider said to be the person's, in the form that is compared.
    Column("vouched_for", Text),
)

guest = Table(
    # SHA-256 of a secret of 256 random bits; the row goes when the guest registers.
    "identity_guest",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("hash", LargeBinary, nullable=False, unique=True),
)

provider = Table(
    # A tenant's settings of identity providers; those that the plugin calls secret are sealed.
    "identity_provider",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    # Which version of the plugin took the settings, empty where nobody knows it any more.
    Column("version", Text, nullable=False, server_default=""),
)

return_url = Table(
    # Where people may be sent back to with a code: compared as they stand.
    "identity_return_url",
    tenant_metadata,
    Column("url", Text, primary_key=True),
)

once = Table(
    # Proofs from elsewhere that were taken, until they would be too old anyway.
    "identity_once",
    tenant_metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("until", DateTime(timezone=True), nullable=False, index=True),
)

protection = Table(
    # What keeps robots out; a tenant that never chose has no row.
    "identity_protection",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("disposable_addresses", Text, nullable=False),
    Column("captcha_provider", Text),
    Column("captcha_site_key", Text),
    Column("captcha_settings", LargeBinary),
    Column("captcha_actions", ARRAY(Text), nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("captcha_version", Text, nullable=False, server_default=""),
    CheckConstraint("id = 'tenant'", name="id"),
    CheckConstraint("disposable_addresses IN ('refuse', 'allow')", name="disposable_addresses"),
)
