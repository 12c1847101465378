"""Tables of wallets, in each tenant's schema."""

from sqlalchemy import BigInteger, Boolean, Column, Table, Text

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
