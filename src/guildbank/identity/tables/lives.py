"""What becomes of players' records: standing, consents, exports, erasures."""

from sqlalchemy import (
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
    Table,
    Text,
    text,
)

from guildbank.infra.database import tenant_metadata

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
