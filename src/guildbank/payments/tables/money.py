"""What players pay and get back: payments, their attempts, refunds and disputes."""

from sqlalchemy import (
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

intent = Table(
    # What a player wants to buy. All but `state` and what follows from it is fixed at creation.
    "payments_intent",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("player_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("product_id", Text, nullable=False),
    Column("product_version", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("coins", BigInteger, nullable=False),
    Column("bonus", BigInteger, nullable=False),
    Column("money", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("country", Text),
    Column("limits", Text, nullable=False),
    Column("reserved", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("attempt_id", Text),
    Column("problem", Text),
    Column("credited_seq", BigInteger, unique=True),
    at("credited_at", optional=True),
    Column("paid_leg", Integer),
    Column("bonus_leg", Integer),
    Column("taken_paid", BigInteger, nullable=False),
    Column("taken_bonus", BigInteger, nullable=False),
    at("created_at"),
    at("expires_at"),
    at("changed_at"),
    # Which revision of which pipeline it runs through until it is credited.
    Column("purpose", Text, nullable=False, server_default="packs"),
    Column("revision", Integer, nullable=False, server_default="0"),
    # What a check said to the player; a plugin wrote it, so it is in no entry.
    Column("problem_detail", Text),
    Column("platform", Text),
    # Why its newest attempt went to its provider, as JSON.
    Column("because", Text, nullable=False, server_default="{}"),
    # A keyed hash of the token of the buyer's device.
    Column("device", Text),
    # Taxes and fees as JSON, fixed with the payment; NULL where no charge step was asked.
    Column("charges", Text),
    # Whether room for its coins is kept in the player's accounts now.
    Column("room", Boolean, nullable=False, server_default="false"),
    Index("ix_payments_intent_player_id", "player_id", "id"),
)

Index(
    "ix_payments_intent_device",
    intent.c.device,
    intent.c.id,
    postgresql_where=intent.c.device.is_not(None),
)

Index(
    "ix_payments_intent_due",
    intent.c.expires_at,
    postgresql_where=intent.c.state.not_in(("credited", "failed", "canceled", "expired",
                                            "conflicted", "captured")),
)  # fmt: skip

attempt = Table(
    # One try with one provider, and what became of the money it captured.
    "payments_attempt",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("provider", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reference", Text),
    Column("request", Text, nullable=False),
    Column("action", Text),
    Column("code", Text),
    Column("applied", Text),
    Column("captured_minor", BigInteger, nullable=False),
    Column("captured_money", Text),
    Column("refunding_minor", BigInteger, nullable=False),
    Column("refunded_minor", BigInteger, nullable=False),
    Column("disputed_minor", BigInteger, nullable=False),
    Column("open_disputes", Integer, nullable=False),
    at("created_at"),
    at("changed_at"),
    Column("because", Text, nullable=False, server_default="{}"),
    # Whether a store that waits to hear of it was told that it is credited.
    Column("finish", Text),
    # The saved method that pays, and whether the one that does is to be kept, by whose word.
    Column("method_id", Text),
    Column("customer_id", Text),
    Column("saves", Text),
    Column("saves_by", Text),
    # Which versions of its provider's plugin can go on with it.
    Column("state_version", Integer, nullable=False, server_default="1"),
    # What open disputes claim whose money is still here, and what they withdrew.
    Column("aside_minor", BigInteger, nullable=False, server_default="0"),
    Column("undecided_minor", BigInteger, nullable=False, server_default="0"),
    Index("uq_payments_attempt_reference", "provider", "reference", unique=True),
)

Index(
    "ix_payments_attempt_live",
    attempt.c.changed_at,
    postgresql_where=attempt.c.state.in_(("created", "pending", "unknown")),
)
Index(
    "ix_payments_attempt_unapplied",
    attempt.c.changed_at,
    postgresql_where=attempt.c.applied == "unapplied",
)
Index(
    "ix_payments_attempt_to_finish",
    attempt.c.changed_at,
    postgresql_where=attempt.c.finish == "due",
)
Index(
    "ix_payments_attempt_unnamed",
    attempt.c.changed_at,
    postgresql_where=(attempt.c.saves == "asked") & (attempt.c.state == "captured"),
)

check = Table(
    # What the checks of its pipeline said of a payment; plugins wrote it, so it is in no entry.
    "payments_check",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("answers", Text, nullable=False),
    at("at"),
)

entry = Table(
    # Which entries of the journal are about a payment.
    "payments_entry",
    tenant_metadata,
    Column("payment_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
)

refund = Table(
    "payments_refund",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False, index=True),
    Column("attempt_id", Text, ForeignKey("payments_attempt.id"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("money", Text, nullable=False),
    Column("reason", Text),
    Column("reference", Text),
    Column("request", Text, nullable=False),
    Column("taking", Text, nullable=False),
    Column("code", Text),
    at("created_at"),
    at("changed_at"),
    # A reason of the tenant's people, free text under the person's key; `reason` is a provider's.
    Column("sealed_reason", LargeBinary),
    Index("uq_payments_refund_reference", "provider", "reference", unique=True),
)

Index(
    "ix_payments_refund_open",
    refund.c.changed_at,
    postgresql_where=refund.c.state.in_(("created", "pending", "unknown")),
)

refund_request = Table(
    # What a player asks back; what people wrote is sealed under the person's key.
    "payments_refund_request",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False, index=True),
    Column("player_id", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("amount_minor", BigInteger),
    Column("money", Text, nullable=False),
    Column("sealed_text", LargeBinary),
    Column("sealed_words", LargeBinary),
    Column("refund_id", Text),
    Column("decided_by", Text),
    Column("because", Text),
    at("created_at"),
    at("decided_at", optional=True),
    Index("ix_payments_refund_request_player_id", "player_id", "id"),
)

Index(
    # One payment has one open request, whoever races; those that wait are found by their age.
    "uq_payments_refund_request_open",
    refund_request.c.payment_id,
    unique=True,
    postgresql_where=refund_request.c.state == "open",
)
Index(
    "ix_payments_refund_request_waiting",
    refund_request.c.created_at,
    postgresql_where=refund_request.c.state == "open",
)

refund_policy = Table(
    # Which requests are answered without a person: every version that was saved; none ever changes.
    "payments_refund_policy",
    tenant_metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("policy", Text, nullable=False),
    Column("saved_by", Text, nullable=False),
    at("saved_at"),
)

spent_coins = Table(
    # What becomes of coins already spent, where a currency goes by another policy than the tenant.
    "payments_spent_coins",
    tenant_metadata,
    Column("currency", Text, primary_key=True),
    Column("policy", Text),
    Column("providers", Text, nullable=False),
)

dispute = Table(
    "payments_dispute",
    tenant_metadata,
    Column("id", Text, primary_key=True),
    Column("payment_id", Text, ForeignKey("payments_intent.id"), nullable=False, index=True),
    Column("attempt_id", Text, ForeignKey("payments_attempt.id"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("money", Text, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("reinstated", Boolean, nullable=False),
    Column("reason", Text),
    Column("taking", Text, nullable=False),
    at("created_at"),
    at("changed_at"),
    at("answer_by", optional=True),
    # What was handed in for it, free text under the person's key, and what became of that.
    Column("evidence_id", Text),
    Column("evidence_state", Text),
    Column("evidence_by", Text),
    at("evidence_at", optional=True),
    Column("evidence_code", Text),
    Column("sealed_evidence", LargeBinary),
    at("withdrawn_at", optional=True),
    at("reinstated_at", optional=True),
    Index("uq_payments_dispute_reference", "provider", "reference", unique=True),
)

Index(
    "ix_payments_dispute_to_answer",
    dispute.c.answer_by,
    postgresql_where=dispute.c.state.in_(("early_warning", "needs_response")),
)
Index(
    "ix_payments_dispute_unended",
    dispute.c.changed_at,
    postgresql_where=text(
        "state IN ('early_warning', 'needs_response', 'under_review') "
        "OR (state = 'lost' AND NOT withdrawn) "
        "OR (state = 'won' AND withdrawn AND NOT reinstated)"
    ),
)
Index(
    "ix_payments_dispute_answering",
    dispute.c.evidence_at,
    postgresql_where=dispute.c.evidence_state.in_(("sending", "unknown")),
)
