"""What providers keep for players: customers there, and the methods that pay again."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from guildbank.infra.database import tenant_metadata
from guildbank.payments.tables.columns import at

customer = Table(
    # A player at a provider, whose name there is sealed under the tenant's key.
    "payments_customer",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("here", Boolean, nullable=False),
    Column("sealed", LargeBinary),
    at("created_at"),
    at("checked_at"),
    at("changed_at"),
    # The state of the plugin that made it.
    Column("state_version", Integer, nullable=False, server_default="1"),
    Index("ix_payments_customer_player_id", "player_id", "provider"),
)

Index(
    "ix_payments_customer_forgetting",
    customer.c.changed_at,
    postgresql_where=customer.c.state == "forgetting",
)

method = Table(
    # A method that a provider keeps; what is known of it is sealed under the person's key.
    "payments_method",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("player_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("customer_id", Text, ForeignKey("payments_customer.id"), nullable=False),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("sealed", LargeBinary),
    Column("mark", Text, index=True),
    Column("twin", Text),
    # Who agreed to keep it, and when: with the payment.
    Column("consented_by", Text, nullable=False),
    at("consented_at"),
    at("created_at"),
    at("changed_at"),
    Column("code", Text),
    Index("ix_payments_method_player_id", "player_id", "id"),
)

Index(
    "ix_payments_method_removing",
    method.c.changed_at,
    postgresql_where=method.c.state == "removing",
)
