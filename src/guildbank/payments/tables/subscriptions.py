"""Subscriptions that stores sell: how each stands, as its store said last."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Table, Text, UniqueConstraint

from guildbank.infra.database import tenant_metadata
from guildbank.payments.tables.columns import at

subscription = Table(
    "payments_subscription",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("player_id", Text, nullable=False),
    # The payment of its newest period.
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False),
    Column("product_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("renews", Boolean, nullable=False),
    at("began_at"),
    at("ends_at"),
    at("created_at"),
    at("changed_at"),
    UniqueConstraint("provider", "reference"),
    Index("ix_payments_subscription_player_id", "player_id", "id"),
    Index("ix_payments_subscription_changed_at", "changed_at"),
)
