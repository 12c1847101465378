"""Tables of wallets, in each tenant's schema."""

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Integer, Table, Text

from guildbank.infra.database import tenant_metadata

currency = Table(
    "wallets_currency",
    tenant_metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("buckets", Text, nullable=False),
    Column("ceiling", BigInteger),
    Column("active", Boolean, nullable=False),
)

spend_limit = Table(
    "wallets_limit",
    tenant_metadata,
    Column("player", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("per_day", BigInteger),
)

check = Table(
    # What hooks said of an operation that they let pass, under each player whose coins it moves.
    # Plugins wrote it, so it is in no entry.
    "wallets_check",
    tenant_metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("player", Text, primary_key=True, index=True),
    Column("purpose", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("answers", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
