"""What is paid out to players: terms of currencies, destinations, and payouts."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from guildbank.infra.database import tenant_metadata
from guildbank.payments.tables.columns import at

payout_terms = Table(
    # By currency, as JSON; a currency without terms is not paid out.
    "payments_payout_terms",
    tenant_metadata,
    Column("currency", Text, primary_key=True),
    Column("terms", Text, nullable=False),
)

payout_destination = Table(
    # Where a player wants money, sealed under the person's key.
    "payments_payout_destination",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("added_by", Text, nullable=False),
    at("created_at"),
    at("changed_at"),
    # The state of the plugin that read it; its payouts have the same.
    Column("state_version", Integer, nullable=False, server_default="1"),
    Index("ix_payments_payout_destination_player_id", "player_id", "id"),
)

payout = Table(
    "payments_payout",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("coins", BigInteger, nullable=False),
    Column("money", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("provider", Text, nullable=False),
    Column("destination_id", Text, ForeignKey("payments_payout_destination.id"), nullable=False),
    Column("destination", LargeBinary),
    Column("request", Text, nullable=False),
    Column("taken_seq", BigInteger, nullable=False),
    Column("taken", Text, nullable=False),
    Column("reference", Text),
    Column("code", Text),
    Column("revision", Integer),
    # What hooks said of it: plugins wrote it, so it is in no entry.
    Column("answers", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("decided_by", Text),
    Column("sealed_reason", LargeBinary),
    at("created_at"),
    at("changed_at"),
    at("sent_at", optional=True),
    at("paid_at", optional=True),
    Column("state_version", Integer, nullable=False, server_default="1"),
    Index("uq_payments_payout_reference", "provider", "reference", unique=True),
    Index("ix_payments_payout_player_id", "player_id", "id"),
)

Index(
    "ix_payments_payout_open",
    payout.c.changed_at,
    postgresql_where=payout.c.state.in_(("waiting", "requested", "sending", "pending", "unknown")),
)
Index(
    # Money that was paid may come back for a while, and its provider is asked.
    "ix_payments_payout_paid",
    payout.c.paid_at,
    postgresql_where=payout.c.state == "paid",
)
