"""Giving money back, once for each refund of ours."""

from datetime import datetime
from typing import Literal

from stripe import InvalidRequestError, StripeClient
from stripe.params import RefundCreateParams

from guildbank.plugin_api import Outcome, OutcomeStatus, RefundRequest, never_arrived
from guildbank_stripe.amounts import NotExpressible, from_stripe, to_stripe
from guildbank_stripe.checkout import intent_of
from guildbank_stripe.objects import ATTEMPT, REFUND, StripeRefund, read, read_error

_PAGE = 100
_STATUS = {
    "succeeded": OutcomeStatus.PROCESSED,
    "pending": OutcomeStatus.PENDING,
    "requires_action": OutcomeStatus.PENDING,
    "failed": OutcomeStatus.DECLINED,
    "canceled": OutcomeStatus.CANCELED,
}
_REASONS: dict[str, Literal["duplicate", "fraudulent", "requested_by_customer"]] = {
    "duplicate": "duplicate",
    "fraudulent": "fraudulent",
    "requested_by_customer": "requested_by_customer",
}


async def create(client: StripeClient, request: RefundRequest) -> Outcome:
    """Refund, unless a refund of this id is already there.

    Stripe forgets an idempotency key after a day or so; its list of a payment's refunds never
    does, so that a late retry finds its refund and pays nothing. The key settles a race.
    """
    try:
        amount = to_stripe(request.amount_minor, request.currency)
    except NotExpressible as error:
        return Outcome(
            status=OutcomeStatus.DECLINED, code="amount_not_expressible", message=str(error)
        )
    intent_id = await intent_of(client, request.payment_reference)
    earlier = await _find(client, request, intent_id)
    if earlier is not None:
        return _outcome_of(earlier)
    params: RefundCreateParams = {
        "payment_intent": intent_id,
        "amount": amount,
        "metadata": {REFUND: request.refund_id, ATTEMPT: request.attempt_id},
    }
    reason = _REASONS.get(request.reason or "")
    if reason is not None:
        params["reason"] = reason
    try:
        made = await client.v1.refunds.create_async(
            params, {"idempotency_key": request.idempotency_key}
        )
    except InvalidRequestError as error:
        detail = read_error(error)
        return Outcome(
            status=OutcomeStatus.DECLINED,
            code=detail.code or "invalid_request",
            message=detail.message,
        )
    return _outcome_of(read(made, StripeRefund))


async def fetch(
    client: StripeClient, request: RefundRequest, reference: str | None, now: datetime
) -> Outcome:
    """Say how a refund stands, by Stripe's id or by ours among those of the payment."""
    if reference is None:
        intent_id = await intent_of(client, request.payment_reference)
        found = await _find(client, request, intent_id)
        return (
            never_arrived(request.refund_id, now, "Stripe") if found is None else _outcome_of(found)
        )
    try:
        return _outcome_of(read(await client.v1.refunds.retrieve_async(reference), StripeRefund))
    except InvalidRequestError as error:
        if error.http_status != 404:
            raise
        return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")


async def _find(
    client: StripeClient, request: RefundRequest, intent_id: str
) -> StripeRefund | None:
    page = await client.v1.refunds.list_async({"payment_intent": intent_id, "limit": _PAGE})
    async for found in page.auto_paging_iter():
        refund = read(found, StripeRefund)
        if (refund.metadata or {}).get(REFUND) == request.refund_id:
            return refund
    return None


def _outcome_of(refund: StripeRefund) -> Outcome:
    status = _STATUS.get(refund.status or "", OutcomeStatus.UNKNOWN)
    if status is not OutcomeStatus.PROCESSED:
        return Outcome(
            status=status, reference=refund.id, code=refund.failure_reason or refund.status
        )
    currency = refund.currency.upper()
    return Outcome(
        status=status,
        reference=refund.id,
        amount_minor=from_stripe(refund.amount, currency),
        currency=currency,
    )
