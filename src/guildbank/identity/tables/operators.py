"""People who work for a tenant or run the deployment; in both planes."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from guildbank.infra.database import control_metadata, tenant_metadata


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
        Column("comes_in_by", Text, nullable=False, server_default="password"),
        Index("ix_identity_operator_invitation_expires_at", "expires_at"),
        CheckConstraint("kind IN ('mailed', 'first_owner', 'by_host')", name="kind"),
        CheckConstraint("(kind = 'mailed') = (canonical IS NOT NULL)", name="address"),
        CheckConstraint("comes_in_by IN ('password', 'studio')", name="comes_in_by"),
    )


def _second_factors(metadata: MetaData) -> None:
    """Declare the tables of what operators prove who they are with, beside the password."""
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
        # A passkey of an earlier address of the deployment stays until it is removed, and proves
        # nothing.
        "identity_operator_passkey",
        metadata,
        Column("id", Text, primary_key=True),
        Column("operator_id", Text, ForeignKey("identity_operator.id"), nullable=False),
        Column("credential_id", LargeBinary, nullable=False, unique=True),
        Column("public_key", LargeBinary, nullable=False),
        Column("sign_count", BigInteger, nullable=False),
        Column("rp_id", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("last_used_at", DateTime(timezone=True)),
        Index("ix_identity_operator_passkey_operator_id", "operator_id"),
    )


def _sign_ins(metadata: MetaData) -> None:
    """Declare the tables of operators' sessions, and of what leads to them."""
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
        # Half a sign-in, a mailed link to a new password, a challenge to a passkey, a journey to
        # the studio's issuer; used up, a row is gone.
        "identity_operator_ticket",
        metadata,
        Column("hash", LargeBinary, primary_key=True),
        Column("purpose", Text, nullable=False),
        # Nobody's yet, where whoever answers says who it is.
        Column("operator_id", Text, ForeignKey("identity_operator.id")),
        Column("created_at", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Column("data", LargeBinary),
        Index("ix_identity_operator_ticket_operator_id", "operator_id", "purpose"),
        Index("ix_identity_operator_ticket_expires_at", "expires_at"),
        CheckConstraint(
            "purpose IN ('second_step', 'reset_password', 'passkey_new', 'passkey_proof', "
            "'passkey_sign_in', 'studio_away')",
            name="purpose",
        ),
    )


def _studio(metadata: MetaData) -> None:
    """Declare the tables of the studio's own sign-in: the issuer, its groups, and who is who."""
    Table(
        "identity_operator_studio",
        metadata,
        Column("id", Text, primary_key=True),
        Column("enabled", Boolean, nullable=False),
        Column("settings", Text, nullable=False),
        Column("sealed", LargeBinary, nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False),
        CheckConstraint("id = 'studio'", name="id"),
    )
    Table(
        # The roles of who is in a group of the issuer's.
        "identity_operator_group",
        metadata,
        Column("name", Text, primary_key=True),
        Column("role", Text, primary_key=True),
    )
    Table(
        # Who was removed stays known by a keyed hash of (issuer, subject), and so stays out.
        "identity_operator_link",
        metadata,
        Column("operator_id", Text, ForeignKey("identity_operator.id"), primary_key=True),
        Column("key", LargeBinary, nullable=False, unique=True),
        Column("linked_at", DateTime(timezone=True), nullable=False),
        # Who was invited keeps the roles that people gave as long as no group of theirs has any.
        Column("invited", Boolean, nullable=False, server_default=text("false")),
    )


for plane in (control_metadata, tenant_metadata):
    _operators(plane)
    _studio(plane)
    _second_factors(plane)
    _sign_ins(plane)
