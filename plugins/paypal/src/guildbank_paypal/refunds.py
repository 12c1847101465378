"""Giving money back, once for each refund of ours."""

from datetime import datetime

from guildbank.plugin_api import Outcome, OutcomeStatus, RefundRequest, never_arrived
from guildbank_paypal.amounts import NotExpressible, from_paypal, to_paypal
from guildbank_paypal.client import Client, PayPalFailed, Refused, path_of
from guildbank_paypal.marks import of_refund, read_mark
from guildbank_paypal.objects import Order, Refund

_STATUS = {
    "COMPLETED": OutcomeStatus.PROCESSED,
    "PENDING": OutcomeStatus.PENDING,
    "FAILED": OutcomeStatus.DECLINED,
    "CANCELLED": OutcomeStatus.CANCELED,
}


async def create(client: Client, request: RefundRequest) -> Outcome:
    """Refund the order's capture, unless a refund of this id is already there.

    PayPal keeps the key for 45 days; the order's list of refunds is there for as long as the order.
    """
    try:
        value = to_paypal(request.amount_minor, request.currency)
    except NotExpressible as error:
        return Outcome(
            status=OutcomeStatus.DECLINED, code="amount_not_expressible", message=str(error)
        )
    order = await _order(client, request)
    earlier = _find(order, request)
    if earlier is not None:
        return await _outcome_of(client, earlier)
    if order.capture is None:
        return Outcome(status=OutcomeStatus.DECLINED, code="not_captured")
    made = await client.post(
        path_of("v2", "payments", "captures", order.capture.id, "refund"),
        request.idempotency_key,
        {
            "amount": {"currency_code": request.currency, "value": value},
            "custom_id": of_refund(request.attempt_id, request.refund_id),
        },
        Refund,
    )
    if isinstance(made, Refused):
        return Outcome(status=OutcomeStatus.DECLINED, code=made.issue, message=made.message)
    return await _outcome_of(client, made)


async def fetch(
    client: Client, request: RefundRequest, reference: str | None, now: datetime
) -> Outcome:
    """Say how a refund stands, by PayPal's id or by ours among those of the order."""
    if reference is None:
        found = _find(await _order(client, request), request)
        if found is None:
            return never_arrived(request.refund_id, now, "PayPal")
        return await _outcome_of(client, found)
    found = await client.get(path_of("v2", "payments", "refunds", reference), Refund)
    if found is None:
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")
    return _said(found)


async def _order(client: Client, request: RefundRequest) -> Order:
    path = path_of("v2", "checkout", "orders", request.payment_reference)
    order = await client.get(path, Order)
    if order is None:
        raise PayPalFailed("PayPal does not show the order of the refund")
    return order


def _find(order: Order, request: RefundRequest) -> Refund | None:
    for refund in order.refunds:
        if read_mark(refund.custom_id).refund_id == request.refund_id:
            return refund
    return None


async def _outcome_of(client: Client, refund: Refund) -> Outcome:
    """Return the outcome; an order's list may show a refund without its amount."""
    if refund.amount is not None:
        return _said(refund)
    whole = await client.get(path_of("v2", "payments", "refunds", refund.id), Refund)
    return _said(whole or refund)


def _said(refund: Refund) -> Outcome:
    status = _STATUS.get(refund.status, OutcomeStatus.UNKNOWN)
    if status is not OutcomeStatus.PROCESSED or refund.amount is None:
        reason = refund.status_details and refund.status_details.reason
        unsure = OutcomeStatus.UNKNOWN if status is OutcomeStatus.PROCESSED else status
        return Outcome(status=unsure, reference=refund.id, code=(reason or refund.status)[:60])
    currency = refund.amount.currency_code
    return Outcome(
        status=status,
        reference=refund.id,
        amount_minor=from_paypal(refund.amount.value, currency),
        currency=currency,
    )
