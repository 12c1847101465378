"""What passes between us and others: providers, their events and reports, and who is told."""

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from guildbank.infra.database import tenant_metadata
from guildbank.payments.tables.columns import at

webhook = Table(
    # The inbox: written once per event before it is answered, worked on afterwards.
    "payments_webhook",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("event", Text, nullable=False),
    # What processes of an earlier version keep of what was sent: all of it, and for moments.
    Column("headers", Text, nullable=False, server_default="{}"),
    Column("body", LargeBinary, nullable=False, server_default=""),
    at("received_at"),
    at("processed_at", optional=True),
    at("next_at"),
    Column("tries", Integer, nullable=False),
    Column("problem", Text),
    # The attempt that it turned out to be about: by it an erasure finds a person's.
    Column("attempt_id", Text, index=True),
    # Allowed fields of what was sent, until it is known whose they are and they are sealed.
    Column("fields", Text),
    Index("uq_payments_webhook_external_id", "provider", "external_id", unique=True),
)

Index(
    # Of events about nobody who is known the fields stay for a while.
    "ix_payments_webhook_fields",
    webhook.c.received_at,
    postgresql_where=webhook.c.fields.is_not(None),
)

Index(
    "ix_payments_webhook_kept",
    webhook.c.received_at,
    postgresql_where=text("body <> ''"),
)

Index(
    "ix_payments_webhook_due",
    webhook.c.next_at,
    postgresql_where=webhook.c.processed_at.is_(None),
)

look = Table(
    # When a provider is asked again about an attempt or refund; never written by an act.
    "payments_look",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("looks", Integer, nullable=False),
    at("looked_at"),
    at("next_at"),
)

binding = Table(
    # Which revisions' new checks let a payment pass that waits for its player, and what ran when
    # they were asked; `tries` counts those since then that ended in nothing. No act writes it.
    "payments_binding",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("runs", Text),
    Column("passed", ARRAY(Integer), nullable=False),
    Column("tries", Integer, nullable=False),
    at("next_at"),
)

reconciliation = Table(
    # A period of a provider's report that is held against the books.
    "payments_reconciliation",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("provider", Text, nullable=False),
    at("since"),
    at("until"),
    Column("state", Text, nullable=False),
    Column("cursor", Text),
    Column("problem", Text),
    at("created_at"),
    at("changed_at"),
    Column("origin", Text, nullable=False, server_default="asked"),
)

Index(
    "ix_payments_reconciliation_daily",
    reconciliation.c.since,
    postgresql_where=reconciliation.c.origin == "daily",
)

Index(
    "ix_payments_reconciliation_open",
    reconciliation.c.changed_at,
    postgresql_where=reconciliation.c.state.in_(("reading", "matching")),
)

settlement = Table(
    # A line of a report, and what came of it. No act writes it: fees have entries of their own.
    "payments_settlement",
    tenant_metadata,
    Column("reconciliation_id", Text, ForeignKey("payments_reconciliation.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("transaction", Text, nullable=False),
    Column("kind", Text, nullable=False),
    at("at"),
    Column("money", Text, nullable=False),
    Column("gross_minor", BigInteger, nullable=False),
    Column("fee_minor", BigInteger, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("attempt_id", Text, index=True),
    Column("refund_id", Text),
    Column("reference", Text),
    Column("payment_reference", Text),
    Column("payout", Text),
    Column("state", Text, nullable=False),
    Column("payment_id", Text),
    Column("ours_minor", BigInteger),
    Column("looked", Boolean, nullable=False),
    Column("fee_seq", BigInteger),
    Index("uq_payments_settlement_transaction", "reconciliation_id", "transaction", unique=True),
    Index("ix_payments_settlement_state", "reconciliation_id", "state", "number"),
)

exchange = Table(
    # What providers, plugins and callers exchanged about a payment, or about what `about` names,
    # under its player's key; under the tenant's where it is about no player.
    "payments_exchange",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), index=True),
    Column("kind", Text, nullable=False),
    at("at"),
    Column("sealed", LargeBinary, nullable=False),
    Column("about", Text, index=True),
    Column("player_id", Text, index=True),
)

handed_in = Table(
    # What buyers handed in, under their keys, until an operator has decided on it.
    "payments_handed_in",
    tenant_metadata,
    Column("attempt_id", Text, ForeignKey("payments_attempt.id"), primary_key=True),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False, index=True),
    at("at"),
    Column("sealed", LargeBinary, nullable=False),
)

report = Table(
    # How far the reports of a provider that is polled are read; the lines are in the inbox.
    "payments_report",
    tenant_metadata,
    Column("provider", Text, primary_key=True),
    Column("cursor", Text),
    Column("problem", Text),
    at("read_at"),
)

telling = Table(
    # What callback steps are to be told, in the journal's order, and since when they know.
    "payments_telling",
    tenant_metadata,
    Column("purpose", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # The revision whose step it is: its plugin and settings tell.
    Column("revision", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    at("at"),
    Column("data", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    at("next_at"),
    at("told_at", optional=True),
    Column("payment_id", Text, nullable=False, server_default="", index=True),
    # Processes of an earlier version keep here in clear what the step said.
    Column("answer", Text),
    # That the last try failed, in our words.
    Column("problem", Text),
    # What the step said when it was told, and why the last try failed: words of others, under the
    # key of the payment's player, or the tenant's where it is about no payment.
    Column("sealed", LargeBinary),
)

Index(
    "ix_payments_telling_waiting",
    telling.c.purpose,
    telling.c.step,
    telling.c.seq,
    postgresql_where=telling.c.told_at.is_(None),
)
Index(
    # What was told is kept for a while.
    "ix_payments_telling_told",
    telling.c.told_at,
    postgresql_where=telling.c.told_at.is_not(None),
)

callback = Table(
    # The callback steps that anything was to be told; one that is disabled is told nothing.
    "payments_callback",
    tenant_metadata,
    Column("purpose", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    at("disabled_at", optional=True),
)

provider = Table(
    # A tenant's account at a provider; `sealed` holds the secret settings under the tenant's key.
    "payments_provider",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("settings", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    at("created_at"),
    at("changed_at"),
    # The version of the plugin that wrote the settings.
    Column("version", Text, nullable=False, server_default=""),
    # The provider's names of whose account it is, as JSON, and by settings of when it was used.
    Column("merchant", Text, nullable=False, server_default="[]"),
    at("fixed_as", optional=True),
)
