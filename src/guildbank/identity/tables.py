"""Keys and token signing in the control schema, players in each tenant's, operators in both."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
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

player = Table(
    "identity_player",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    # The id in the studio's own accounts; players who registered here have none.
    Column("external_id", Text, unique=True),
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("state IN ('active', 'suspended', 'closed', 'erased')", name="state"),
)

profile = Table(
    "identity_profile",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("locale", Text),
    Column("country", Text),
    Column("age_confirmed_at", DateTime(timezone=True)),
    Column("age_confirmed_by", Text),
    Column("age_method", Text),
)

username = Table(
    # Look-alikes share a skeleton (UTS #39), so that of all of them one exists.
    "identity_username",
    tenant_metadata,
    Column("skeleton", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False, unique=True),
)

email = Table(
    # Anyone may claim an address; who confirms it holds it alone.
    "identity_email",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False),
    Column("address", Text, nullable=False),
    Column("canonical", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("confirmed_at", DateTime(timezone=True)),
    Index("ix_identity_email_player_id", "player_id"),
    Index("ix_identity_email_canonical_id", "canonical", "id"),
    Index(
        "ix_identity_email_confirmed",
        "canonical",
        unique=True,
        postgresql_where=text("confirmed_at IS NOT NULL"),
    ),
)

password = Table(
    "identity_password",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    # Argon2id in PHC form, or bcrypt as it was imported, until its player signs in.
    Column("hash", Text, nullable=False),
    Column("set_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)

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
    CheckConstraint("id = 'tenant'", name="id"),
    CheckConstraint("disposable_addresses IN ('refuse', 'allow')", name="disposable_addresses"),
)

standing = Table(
    # Why a player is not active, until when, and who decided; a row goes with the reinstatement.
    "identity_standing",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("state", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)),
    # The reason, free text under the person's key.
    Column("sealed", LargeBinary),
    Index("ix_identity_standing_until", "until", postgresql_where=text("until IS NOT NULL")),
)

legal_hold = Table(
    # A duty to keep a person's data, for which no erasure goes on.
    "identity_legal_hold",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("until", DateTime(timezone=True)),
    Column("lifted_at", DateTime(timezone=True)),
    Column("lifted_by", Text),
    Index("ix_identity_legal_hold_player_id", "player_id", "id"),
)

erasure = Table(
    # What was asked for and done; it stays, so that a restored database can be brought up to it.
    "identity_erasure",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("own", Boolean, nullable=False),
    Column("principal", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("due_at", DateTime(timezone=True), nullable=False),
    # The commit that made the person unknown, and the end of the sweep through all rooms.
    Column("erased_at", DateTime(timezone=True)),
    Column("swept_at", DateTime(timezone=True)),
    Index("ix_identity_erasure_open", "due_at", postgresql_where=text("swept_at IS NULL")),
)

document = Table(
    # A version of what players consent to, once published never changed.
    "identity_document",
    tenant_metadata,
    Column("kind", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("title", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("required", Boolean, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", DateTime(timezone=True), nullable=False),
)

consent = Table(
    # Each time that a player agreed or took it back; nothing here is ever changed.
    "identity_consent",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("given", Boolean, nullable=False),
    Column("principal", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    ForeignKeyConstraint(
        ["kind", "version"], ["identity_document.kind", "identity_document.version"]
    ),
    Index("ix_identity_consent_player_id", "player_id", "kind", "id"),
)

export = Table(
    # A copy of all that is known of a person, made by a job and kept for some days.
    "identity_export",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, ForeignKey("identity_player.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("requested_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("ready_at", DateTime(timezone=True)),
    Column("bytes", BigInteger),
    Column("problem", Text),
    CheckConstraint("state IN ('waiting', 'ready', 'failed')", name="state"),
    Index("ix_identity_export_player_id", "player_id", "id"),
    Index("ix_identity_export_waiting", "id", postgresql_where=text("state = 'waiting'")),
    Index("ix_identity_export_expires_at", "expires_at"),
)

export_part = Table(
    # The file in parts, each sealed under the person's key.
    "identity_export_part",
    tenant_metadata,
    Column("export_id", Text, ForeignKey("identity_export.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed", LargeBinary, nullable=False),
)

person_key = Table(
    # The key of a person's free-form payloads, wrapped; erasure deletes the row.
    "identity_person_key",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)


def _operators(metadata: MetaData) -> None:
    """Declare the tables of people who work for a tenant, or who run the deployment."""
    Table(
        "identity_operator",
        metadata,
        Column("id", Text, primary_key=True),
        Column("address", Text, nullable=False),
        Column("canonical", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("password_hash", Text),
        Column("created_at", DateTime(timezone=True), nullable=False),
        # Who was removed may be invited again, as somebody new.
        Index(
            "ix_identity_operator_canonical",
            "canonical",
            unique=True,
            postgresql_where=text("state <> 'removed'"),
        ),
        CheckConstraint("state IN ('active', 'suspended', 'removed')", name="state"),
    )
    Table(
        "identity_role",
        metadata,
        Column("name", Text, primary_key=True),
        Column("permissions", ARRAY(Text), nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False),
    )
    Table(
        # Of a built-in role the program knows what it permits, so there is no key to identity_role.
        "identity_operator_role",
        metadata,
        Column("operator_id", Text, ForeignKey("identity_operator.id"), primary_key=True),
        Column("role", Text, primary_key=True),
        Index("ix_identity_operator_role_role", "role"),
    )
    Table(
        # A link that was printed on the host names no address; its reader gives one.
        "identity_operator_invitation",
        metadata,
        Column("id", Text, primary_key=True),
        Column("hash", LargeBinary, nullable=False, unique=True),
        Column("kind", Text, nullable=False),
        Column("address", Text),
        Column("canonical", Text, unique=True),
        Column("roles", ARRAY(Text), nullable=False),
        Column("invited_by", Text, ForeignKey("identity_operator.id")),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Index("ix_identity_operator_invitation_expires_at", "expires_at"),
        CheckConstraint("kind IN ('mailed', 'first_owner', 'by_host')", name="kind"),
        CheckConstraint("(kind = 'mailed') = (canonical IS NOT NULL)", name="address"),
    )


def _proofs_of_operators(metadata: MetaData) -> None:
    """Declare the tables of what operators prove who they are with, and of their sessions."""
    Table(
        # `pending` is what the app shows before a code of it was typed once.
        "identity_operator_totp",
        metadata,
        Column("operator_id", Text, ForeignKey("identity_operator.id"), primary_key=True),
        Column("secret", LargeBinary),
        Column("pending", LargeBinary),
        # The newest step of 30 seconds whose code was used: each is good once.
        Column("last_step", BigInteger, nullable=False, server_default=text("0")),
    )
    Table(
        "identity_operator_recovery",
        metadata,
        Column("operator_id", Text, ForeignKey("identity_operator.id"), primary_key=True),
        Column("hash", LargeBinary, primary_key=True),
    )
    Table(
        "identity_operator_session",
        metadata,
        Column("hash", LargeBinary, primary_key=True),
        Column("id", Text, nullable=False, unique=True),
        Column("operator_id", Text, ForeignKey("identity_operator.id"), nullable=False),
        Column("device", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("seen_at", DateTime(timezone=True), nullable=False),
        Column("fresh_at", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Index("ix_identity_operator_session_operator_id", "operator_id"),
        Index("ix_identity_operator_session_expires_at", "expires_at"),
    )
    Table(
        # Half a sign-in, or a mailed link to a new password; used up, a row is gone.
        "identity_operator_ticket",
        metadata,
        Column("hash", LargeBinary, primary_key=True),
        Column("purpose", Text, nullable=False),
        Column("operator_id", Text, ForeignKey("identity_operator.id"), nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Index("ix_identity_operator_ticket_operator_id", "operator_id", "purpose"),
        Index("ix_identity_operator_ticket_expires_at", "expires_at"),
        CheckConstraint("purpose IN ('second_step', 'reset_password')", name="purpose"),
    )


for plane in (control_metadata, tenant_metadata):
    _operators(plane)
    _proofs_of_operators(plane)

add_tenant_ddl(
    "identity",
    IDENTITY_ORDER,
    """
CREATE VIEW identity_v_player AS
SELECT id, external_id, state, created_at
FROM identity_player
""",
)
