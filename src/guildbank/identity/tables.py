"""Keys and token signing in the control schema, players in each tenant's, operators in both."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
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
    Index(
        "ix_identity_session_live",
        "player_id",
        "id",
        postgresql_where=text("ended_at IS NULL"),
    ),
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
