"""Stripe's webhooks: believed only when signed, recent and of this tenant's mode.

The signature is HMAC-SHA256 over `{t}.{body}`; a header may carry several while a secret is
rolled (https://docs.stripe.com/webhooks#verify-manually). The SDK verifies it.
"""

from collections.abc import Mapping

import msgspec
from stripe import SignatureVerificationError, WebhookSignature

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_stripe.amounts import NotExpressible, from_stripe
from guildbank_stripe.disputes import STATUSES, EvidenceDetails, due
from guildbank_stripe.objects import ATTEMPT, PAYOUT, REFUND

_TOLERANCE_SECONDS = 300
_PAYMENTS = frozenset(
    f"payment_intent.{what}"
    for what in ("succeeded", "payment_failed", "canceled", "processing", "requires_action")
)
_PAGES = frozenset(
    f"checkout.session.{what}"
    for what in ("completed", "expired", "async_payment_succeeded", "async_payment_failed")
)
_METHODS = frozenset(
    f"payment_method.{what}" for what in ("detached", "automatically_updated", "updated")
)
_REFUNDS = frozenset({"refund.created", "refund.updated", "refund.failed"})
_TRANSFERS = frozenset({"transfer.created", "transfer.updated", "transfer.reversed"})
_DISPUTES = {
    "charge.dispute.created": EventKind.DISPUTE_OPENED,
    "charge.dispute.updated": EventKind.DISPUTE_UPDATED,
    "charge.dispute.funds_withdrawn": EventKind.DISPUTE_FUNDS_WITHDRAWN,
    "charge.dispute.funds_reinstated": EventKind.DISPUTE_FUNDS_REINSTATED,
    "charge.dispute.closed": EventKind.DISPUTE_CLOSED,
}
_KEPT_OR_NEVER_TAKEN = frozenset({"won", "warning_closed", "prevented"})


class _Expanded(msgspec.Struct, frozen=True):
    id: str


class _Subject(msgspec.Struct, frozen=True):
    """The intent, refund, charge, dispute, kept card or transfer that an event is about."""

    id: str
    metadata: dict[str, str] | None = None
    payment_intent: str | _Expanded | None = None
    amount: int | None = None
    currency: str | None = None
    status: str | None = None
    reason: str | None = None
    evidence_details: EvidenceDetails | None = None


class _Data(msgspec.Struct, frozen=True):
    object: msgspec.Raw


class _Event(msgspec.Struct, frozen=True):
    id: str
    type: str
    livemode: bool
    data: _Data | None = None


def read(
    mode: str, secret: str, headers: Mapping[str, str], body: bytes
) -> ProviderEvent | WebhookRejected:
    """Verify the raw bytes and say what happened; never raises."""
    signature = headers.get("stripe-signature", "")
    if not _is_signed(body, signature, secret, None):
        return WebhookRejected(code="bad_signature", detail="the signature does not fit the body")
    if not _is_signed(body, signature, secret, _TOLERANCE_SECONDS):
        return WebhookRejected(
            code="too_old", detail=f"signed more than {_TOLERANCE_SECONDS} s ago"
        )
    try:
        event = msgspec.json.decode(body, type=_Event)
        if event.livemode is not (mode == "live"):
            return WebhookRejected(
                code="wrong_account", detail=f"an event of Stripe's other mode came to {mode}"
            )
        return _event(event)
    except (msgspec.MsgspecError, NotExpressible, RecursionError, ValueError):
        return WebhookRejected(code="malformed", detail="the body is not an event of Stripe's")


def names_only_the_intent(event: ProviderEvent) -> bool:
    """Say whether an event of money that went back leaves open whose attempt it was."""
    about = event.kind not in (EventKind.PAYMENT, EventKind.IGNORED)
    return about and event.attempt_id is None and event.payment_reference is not None


def _is_signed(body: bytes, signature: str, secret: str, tolerance: int | None) -> bool:
    try:
        WebhookSignature.verify_header(body, signature, secret, tolerance)
    except (SignatureVerificationError, ValueError, TypeError):
        # The SDK lets bodies that are not UTF-8 and signatures that are not ASCII raise these.
        return False
    return True


def _event(event: _Event) -> ProviderEvent:
    """Sort an event by its type; what is not about our payments is ignored."""
    of_money = _PAYMENTS | _PAGES | _REFUNDS | _DISPUTES.keys() | {"charge.refunded"}
    known = event.type in of_money | _METHODS | _TRANSFERS
    if event.data is None and known:
        raise ValueError("an event without data")
    if event.data is None or not known:
        return ProviderEvent(external_id=event.id, kind=EventKind.IGNORED)
    subject = msgspec.json.decode(event.data.object, type=_Subject)
    if event.type in _PAYMENTS | _PAGES:
        return _payment(event, subject)
    if event.type in _METHODS:
        return ProviderEvent(
            external_id=event.id, kind=EventKind.METHOD_CHANGED, method_reference=subject.id
        )
    if event.type in _TRANSFERS:
        return _transfer(event, subject)
    if event.type in _DISPUTES:
        return _dispute(event, subject)
    return _refund(event, subject)


def _payment(event: _Event, subject: _Subject) -> ProviderEvent:
    attempt_id = (subject.metadata or {}).get(ATTEMPT)
    if attempt_id is None:
        # The merchant takes other payments with the same account.
        return ProviderEvent(external_id=event.id, kind=EventKind.IGNORED)
    return ProviderEvent(
        external_id=event.id,
        kind=EventKind.PAYMENT,
        attempt_id=attempt_id,
        payment_reference=subject.id,
    )


def _transfer(event: _Event, subject: _Subject) -> ProviderEvent:
    payout_id = (subject.metadata or {}).get(PAYOUT)
    if payout_id is None:
        # The merchant pays others by the same account.
        return ProviderEvent(external_id=event.id, kind=EventKind.IGNORED)
    return ProviderEvent(
        external_id=event.id,
        kind=EventKind.PAYOUT,
        payout_id=payout_id,
        payout_reference=subject.id,
    )


def _refund(event: _Event, subject: _Subject) -> ProviderEvent:
    """Read a refund; one made by hand in Stripe's dashboard names no refund of ours."""
    reference = _payment_reference(subject)
    if reference is None:
        return ProviderEvent(external_id=event.id, kind=EventKind.IGNORED)
    metadata = subject.metadata or {}
    # `charge.refunded` is about the charge and does not say which refund it was.
    of_charge = event.type == "charge.refunded"
    return ProviderEvent(
        external_id=event.id,
        kind=EventKind.REFUND,
        attempt_id=metadata.get(ATTEMPT),
        payment_reference=reference,
        refund_id=metadata.get(REFUND),
        refund_reference=None if of_charge else subject.id,
        reason=None if of_charge else subject.reason,
    )


def _dispute(event: _Event, subject: _Subject) -> ProviderEvent:
    reference = _payment_reference(subject)
    if reference is None:
        return ProviderEvent(external_id=event.id, kind=EventKind.IGNORED)
    if subject.amount is None or subject.currency is None:
        raise ValueError("a dispute without an amount")
    kind = _DISPUTES[event.type]
    currency = subject.currency.upper()
    closed = kind is EventKind.DISPUTE_CLOSED
    return ProviderEvent(
        external_id=event.id,
        kind=kind,
        payment_reference=reference,
        dispute_reference=subject.id,
        amount_minor=from_stripe(subject.amount, currency),
        currency=currency,
        reason=subject.reason,
        won=subject.status in _KEPT_OR_NEVER_TAKEN if closed else None,
        dispute_status=STATUSES.get(subject.status or ""),
        answer_by=due(subject.evidence_details),
    )


def _payment_reference(subject: _Subject) -> str | None:
    intent = subject.payment_intent
    return intent.id if isinstance(intent, _Expanded) else intent
