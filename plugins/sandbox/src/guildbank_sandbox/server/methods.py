"""The payment methods on offer: the hosted page, and one for each thing that can go wrong."""

from enum import StrEnum

import msgspec

from guildbank_sandbox.server.records import PaymentState, RefundSwitch, WebhookMode


class Answer(StrEnum):
    """What the client of POST /v1/payments gets to see of it."""

    AT_ONCE = "at_once"
    TOO_LATE = "too_late"
    ERROR = "error"
    """Status 500 after the payment was stored."""
    LOST = "lost"
    """Status 500 and nothing stored."""


class Afterwards(StrEnum):
    """What the buyer, or their bank, does at once after the money was taken."""

    REFUNDED = "refunded"
    """The provider's staff give it back unasked."""
    DISPUTED = "disputed"
    DISPUTE_WON = "dispute_won"
    DISPUTE_LOST = "dispute_lost"


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to a payment of one method, with no person involved."""

    state: PaymentState = PaymentState.CAPTURED
    code: str | None = None
    answer: Answer = Answer.AT_ONCE
    webhooks: WebhookMode = WebhookMode.NORMAL
    short_by_minor: int = 0
    other_currency: bool = False
    afterwards: Afterwards | None = None
    refunds: RefundSwitch | None = None
    """What its refunds do, whatever the account's switch says."""


DEFAULT_METHOD = "checkout"

METHODS: dict[str, Method] = {
    "checkout": Method(state=PaymentState.OPEN),
    "instant": Method(),
    "instant_decline": Method(state=PaymentState.DECLINED, code="card_declined"),
    "instant_decline_funds": Method(state=PaymentState.DECLINED, code="insufficient_funds"),
    "instant_decline_fraud": Method(state=PaymentState.DECLINED, code="suspected_fraud"),
    "instant_unavailable": Method(state=PaymentState.DECLINED, code="unavailable"),
    "instant_pending": Method(state=PaymentState.PROCESSING),
    "instant_timeout": Method(answer=Answer.TOO_LATE),
    "instant_timeout_silent": Method(answer=Answer.TOO_LATE, webhooks=WebhookMode.SILENT),
    "instant_silent": Method(webhooks=WebhookMode.SILENT),
    "instant_error": Method(answer=Answer.ERROR),
    "instant_lost": Method(answer=Answer.LOST),
    "instant_duplicate": Method(webhooks=WebhookMode.DUPLICATE),
    "instant_reordered": Method(webhooks=WebhookMode.REORDERED),
    "instant_wrong_amount": Method(short_by_minor=1),
    "instant_wrong_currency": Method(other_currency=True),
    "instant_refunded": Method(afterwards=Afterwards.REFUNDED),
    "instant_refund_declined": Method(refunds=RefundSwitch.DECLINE),
    "instant_disputed": Method(afterwards=Afterwards.DISPUTED),
    "instant_dispute_won": Method(afterwards=Afterwards.DISPUTE_WON),
    "instant_dispute_lost": Method(afterwards=Afterwards.DISPUTE_LOST),
}


def substitute(currency: str) -> str:
    """Return the currency that `instant_wrong_currency` captures instead."""
    return "USD" if currency != "USD" else "EUR"
