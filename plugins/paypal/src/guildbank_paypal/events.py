"""Verified events of PayPal, sorted by what they are about; all that is none of ours is ignored.

Sources: https://developer.paypal.com/api/rest/webhooks/event-names/ and
https://developer.paypal.com/docs/api/customer-disputes/v1/ .
"""

import re

import msgspec

from guildbank.plugin_api import EventKind, ProviderEvent, WebhookRejected
from guildbank_paypal.amounts import NotExpressible, from_paypal
from guildbank_paypal.client import Client, path_of
from guildbank_paypal.disputes import RESOLVED, STATUSES, Dispute
from guildbank_paypal.marks import Mark, read_mark, read_payout
from guildbank_paypal.objects import Capture, Order, PayoutHeader, Refund

_ORDERS = frozenset(
    {
        "CHECKOUT.ORDER.APPROVED",
        "CHECKOUT.ORDER.COMPLETED",
        "CHECKOUT.ORDER.VOIDED",
        "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
    }
)
_CAPTURES = frozenset(
    f"PAYMENT.CAPTURE.{what}" for what in ("COMPLETED", "PENDING", "DENIED", "DECLINED")
)
_REFUNDED = "PAYMENT.CAPTURE.REFUNDED"
_OPENED = "CUSTOMER.DISPUTE.CREATED"
_UPDATED = "CUSTOMER.DISPUTE.UPDATED"
_RESOLVED = "CUSTOMER.DISPUTE.RESOLVED"
_PAYOUT_ITEM, _PAYOUT_BATCH = "PAYMENT.PAYOUTS-ITEM.", "PAYMENT.PAYOUTSBATCH."
_CAPTURE = re.compile(r"/v2/payments/captures/([A-Z0-9]{1,40})$")
_UNREADABLE = (msgspec.MsgspecError, NotExpressible, RecursionError, UnicodeDecodeError)


class _Event(msgspec.Struct, frozen=True):
    id: str
    event_type: str
    resource: msgspec.Raw


class _SentItem(msgspec.Struct, frozen=True):
    sender_item_id: str | None = None


class _PaidOut(msgspec.Struct, frozen=True):
    """An item or, by its header, a batch: each names the batch and what we called it."""

    payout_batch_id: str | None = None
    payout_item: _SentItem | None = None
    batch_header: PayoutHeader | None = None


async def read_event(client: Client, body: bytes) -> ProviderEvent | WebhookRejected:
    """Return what the verified bytes tell. Raises PayPalFailed and NoAnswer from a look-up."""
    try:
        event = msgspec.json.decode(body, type=_Event)
        if not event.id:
            raise msgspec.ValidationError("an event without an id")
        if event.event_type in _ORDERS:
            return _of_order(event, msgspec.json.decode(event.resource, type=Order))
        if event.event_type in _CAPTURES:
            return _of_capture(event, msgspec.json.decode(event.resource, type=Capture))
        if event.event_type == _REFUNDED:
            return await _of_refund(client, event, msgspec.json.decode(event.resource, type=Refund))
        if event.event_type.startswith((_PAYOUT_ITEM, _PAYOUT_BATCH)):
            return _of_payout(event, msgspec.json.decode(event.resource, type=_PaidOut))
        if event.event_type in (_OPENED, _UPDATED, _RESOLVED):
            dispute = msgspec.json.decode(event.resource, type=Dispute)
            return await _of_dispute(client, event, dispute)
    except _UNREADABLE:
        return WebhookRejected(code="malformed", detail="the body is not an event of PayPal's")
    return _ignored(event)


def _of_order(event: _Event, order: Order) -> ProviderEvent:
    return _of_payment(event, read_mark(order.custom_id), order.id)


def _of_capture(event: _Event, capture: Capture) -> ProviderEvent:
    related = capture.supplementary_data
    order_id = related.related_ids.order_id if related is not None else None
    return _of_payment(event, read_mark(capture.custom_id), order_id)


def _of_payment(event: _Event, mark: Mark, order_id: str | None) -> ProviderEvent:
    if mark.attempt_id is None:
        # The merchant takes other payments with the same account.
        return _ignored(event)
    return ProviderEvent(
        external_id=event.id,
        kind=EventKind.PAYMENT,
        attempt_id=mark.attempt_id,
        payment_reference=order_id,
    )


def _of_payout(event: _Event, told: _PaidOut) -> ProviderEvent:
    batch = told.batch_header
    name = batch.sender_batch_header.sender_batch_id if batch is not None else None
    if told.payout_item is not None:
        name = told.payout_item.sender_item_id
    payout_id = read_payout(name)
    if payout_id is None:
        # The merchant pays others by the same account.
        return _ignored(event)
    return ProviderEvent(
        external_id=event.id,
        kind=EventKind.PAYOUT,
        payout_id=payout_id,
        payout_reference=batch.payout_batch_id if batch is not None else told.payout_batch_id,
    )


async def _of_refund(client: Client, event: _Event, refund: Refund) -> ProviderEvent:
    """Read a refund; one made by hand at PayPal names its capture alone, which is asked."""
    mark = read_mark(refund.custom_id)
    order_id: str | None = None
    if mark.attempt_id is None:
        mark, order_id = await _mark_of_capture(client, _captured(refund))
    if mark.attempt_id is None:
        return _ignored(event)
    return ProviderEvent(
        external_id=event.id,
        kind=EventKind.REFUND,
        attempt_id=mark.attempt_id,
        payment_reference=order_id,
        refund_id=mark.refund_id,
        refund_reference=refund.id,
    )


async def _of_dispute(client: Client, event: _Event, dispute: Dispute) -> ProviderEvent:
    """Read a dispute: opened, changed, lost with its money, or closed without.

    One that is resolved has ended, whichever event says so but the first.
    """
    mark, order_id = Mark(), None
    for one in dispute.disputed_transactions[:1]:
        mark = read_mark(one.custom)
        if mark.attempt_id is None:
            mark, order_id = await _mark_of_capture(client, one.seller_transaction_id)
    if mark.attempt_id is None:
        return _ignored(event)
    kind, won, money = EventKind.DISPUTE_OPENED, None, dispute.dispute_amount
    has_ended = dispute.status == RESOLVED and dispute.dispute_outcome is not None
    if event.event_type == _RESOLVED and dispute.dispute_outcome is None:
        raise msgspec.ValidationError("a resolved dispute without an outcome")
    if event.event_type == _RESOLVED or (event.event_type == _UPDATED and has_ended):
        won, money = not dispute.is_lost, dispute.cost
        kind = EventKind.DISPUTE_CLOSED if won else EventKind.DISPUTE_LOST
    elif event.event_type == _UPDATED:
        kind = EventKind.DISPUTE_UPDATED
    return ProviderEvent(
        external_id=event.id,
        kind=kind,
        attempt_id=mark.attempt_id,
        payment_reference=order_id,
        dispute_reference=dispute.dispute_id,
        amount_minor=from_paypal(money.value, money.currency_code),
        currency=money.currency_code,
        reason=dispute.reason,
        won=won,
        dispute_status=STATUSES.get(dispute.status),
        answer_by=dispute.seller_response_due_date,
    )


async def _mark_of_capture(client: Client, capture_id: str | None) -> tuple[Mark, str | None]:
    if not capture_id:
        return Mark(), None
    found = await client.get(path_of("v2", "payments", "captures", capture_id), Capture)
    if found is None:
        return Mark(), None
    related = found.supplementary_data
    return read_mark(found.custom_id), related.related_ids.order_id if related else None


def _captured(refund: Refund) -> str | None:
    for link in refund.links:
        if link.rel == "up" and (found := _CAPTURE.search(link.href)):
            return found[1]
    return None


def _ignored(event: _Event) -> ProviderEvent:
    return ProviderEvent(external_id=event.id, kind=EventKind.IGNORED)
