"""Tables of approvals, alike in each tenant and in the deployment's own schema."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

from guildbank.infra.database import control_metadata, tenant_metadata

APPROVALS_ORDER = 38
_OPEN = text("state IN ('pending', 'agreed')")


def _rules(metadata: MetaData) -> None:
    """Declare the tables of one plane by which it is decided what waits."""
    Table(
        "approvals_policy",
        metadata,
        Column("id", SmallInteger, primary_key=True, autoincrement=False),
        Column("rules", Text, nullable=False),
        Column("expires_after_hours", Integer, nullable=False),
        Column("changed_by", Text, nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False),
        CheckConstraint("id = 1", name="one_row"),
    )
    Table(
        # What a principal or a player moved of late, by quarters of an hour.
        "approvals_tally",
        metadata,
        Column("who", Text, primary_key=True),
        Column("verb", Text, primary_key=True),
        Column("asset", Text, primary_key=True),
        Column("slices", Text, nullable=False),
        Column("changed_at", DateTime(timezone=True), nullable=False, index=True),
        postgresql_with={"fillfactor": "70"},
    )


def _requests(metadata: MetaData) -> None:
    """Declare the table of stored commands of one plane."""
    Table(
        # The command is sealed: it may name persons.
        "approvals_request",
        metadata,
        Column("id", Text, primary_key=True),
        Column("verb", Text, nullable=False),
        Column("permission", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("requested_by", Text, nullable=False),
        Column("player", Text),
        Column("amounts", Text, nullable=False),
        Column("rule", Text, nullable=False),
        Column("command", LargeBinary, nullable=False),
        Column("same", LargeBinary),
        Column("hold", BigInteger),
        Column("requested_at", DateTime(timezone=True), nullable=False),
        Column("expires_at", DateTime(timezone=True), nullable=False),
        Column("decided_by", Text),
        Column("decided_at", DateTime(timezone=True)),
        Column("words", LargeBinary),
        Column("result", BigInteger),
        # Operators' ids with spaces between: an array cannot be one column of a batch's rows.
        Column("makers", Text, nullable=False, server_default=""),
        CheckConstraint(
            "state IN ('pending', 'agreed', 'executed', 'rejected', 'cancelled', 'expired')",
            name="state",
        ),
        CheckConstraint("(state = 'pending') = (decided_at IS NULL)", name="decided"),
        Index(
            "ix_approvals_request_expires_at",
            "expires_at",
            postgresql_where=_OPEN,
        ),
        Index(
            "ix_approvals_request_requested_by",
            "requested_by",
            postgresql_where=_OPEN,
        ),
        Index(
            "ix_approvals_request_same",
            "same",
            unique=True,
            postgresql_where=_OPEN,
        ),
        Index("ix_approvals_request_state", "state", "id"),
        Index("ix_approvals_request_player", "player", postgresql_where=text("player IS NOT NULL")),
    )


for _metadata in (tenant_metadata, control_metadata):
    _rules(_metadata)
    _requests(_metadata)
