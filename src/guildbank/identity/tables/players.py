"""Players, what they are called, and how they are reached."""

from sqlalchemy import (
    BigInteger,
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

from guildbank.infra.database import tenant_metadata

player = Table(
    "identity_player",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    # The id in the studio's own accounts; players who registered here have none.
    Column("external_id", Text, unique=True),
    Column("state", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # How often a way in was replaced: a sign-in that rests on an older one begins no session.
    Column("credentials", BigInteger, nullable=False, server_default=text("0")),
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
    # When who reads its mail was seen inside the account too: what was there before is theirs.
    Column("owned_at", DateTime(timezone=True)),
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
    # The costs of imported hashes, of which the greatest is asked for at every sign-in.
    Index(
        "ix_identity_password_bcrypt",
        text("substr(hash, 5, 2)"),
        postgresql_where=text("hash LIKE '$2%'"),
    ),
)

person_key = Table(
    # The key of a person's free-form payloads, wrapped; erasure deletes the row.
    "identity_person_key",
    tenant_metadata,
    Column("player_id", Text, ForeignKey("identity_player.id"), primary_key=True),
    Column("wrapped", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
