"""Reads verified events. A type that a newer provider sends is ignored, not an error."""

import msgspec

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_sandbox.wire import Event, EventData, PayoutData

_PAYMENT_TYPES = frozenset(
    {"payment.pending", "payment.captured", "payment.declined", "payment.canceled"}
)
_PAYOUT_TYPES = frozenset({"payout.pending", "payout.paid", "payout.failed", "payout.returned"})
_DISPUTE_TYPES = {
    "dispute.opened": EventKind.DISPUTE_OPENED,
    "dispute.funds_withdrawn": EventKind.DISPUTE_FUNDS_WITHDRAWN,
    "dispute.funds_reinstated": EventKind.DISPUTE_FUNDS_REINSTATED,
    "dispute.closed": EventKind.DISPUTE_CLOSED,
}


def read(body: bytes) -> ProviderEvent | WebhookRejected:
    """Return the event that the verified bytes carry."""
    try:
        event = msgspec.json.decode(body, type=Event)
        if event.type in _PAYMENT_TYPES:
            return _payment(event.id, msgspec.json.decode(event.data, type=EventData))
        if event.type == "refund.updated":
            return _refund(event.id, msgspec.json.decode(event.data, type=EventData))
        if event.type in _PAYOUT_TYPES:
            return _payout(event.id, msgspec.json.decode(event.data, type=PayoutData))
        if event.type in _DISPUTE_TYPES:
            data = msgspec.json.decode(event.data, type=EventData)
            return _dispute(event.id, _DISPUTE_TYPES[event.type], data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return WebhookRejected(code="malformed", detail=f"The body is not an event: {error}")
    return ProviderEvent(external_id=event.id, kind=EventKind.IGNORED)


def _payment(event_id: str, data: EventData) -> ProviderEvent:
    return ProviderEvent(
        external_id=event_id,
        kind=EventKind.PAYMENT,
        attempt_id=data.payment.reference,
        payment_reference=data.payment.id,
    )


def _payout(event_id: str, data: PayoutData) -> ProviderEvent:
    return ProviderEvent(
        external_id=event_id,
        kind=EventKind.PAYOUT,
        payout_id=data.payout.reference,
        payout_reference=data.payout.id,
    )


def _refund(event_id: str, data: EventData) -> ProviderEvent:
    refund = data.refund
    if refund is None:
        raise msgspec.ValidationError("the event lacks its refund")
    return ProviderEvent(
        external_id=event_id,
        kind=EventKind.REFUND,
        attempt_id=data.payment.reference,
        payment_reference=data.payment.id,
        refund_id=refund.reference,
        refund_reference=refund.id,
        amount_minor=refund.amount_minor,
        currency=refund.currency,
        reason=refund.reason,
    )


def _dispute(event_id: str, kind: EventKind, data: EventData) -> ProviderEvent:
    dispute = data.dispute
    if dispute is None:
        raise msgspec.ValidationError("the event lacks its dispute")
    return ProviderEvent(
        external_id=event_id,
        kind=kind,
        attempt_id=data.payment.reference,
        payment_reference=data.payment.id,
        dispute_reference=dispute.id,
        amount_minor=dispute.amount_minor,
        currency=dispute.currency,
        reason=dispute.reason,
        won=dispute.state == "won" if kind is EventKind.DISPUTE_CLOSED else None,
    )
