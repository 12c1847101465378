"""Tables of the store, in each tenant's schema."""

from sqlalchemy import Boolean, Column, DateTime, Integer, Table, Text

from guildbank.infra.database import tenant_metadata

pack = Table(
    # Every version of every pack, never changed: a payment names the one it was made with.
    "store_pack",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("newest", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Column("saved_at", DateTime(timezone=True), nullable=False),
)
