"""Disputes: how one stands, until when it is answered, and the evidence that answers it.

https://docs.stripe.com/api/disputes/object and .../disputes/update . Files are left out: evidence
that is a file is handed in at Stripe's dashboard.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import cast

import msgspec
from stripe import InvalidRequestError, StripeClient
from stripe.params import DisputeUpdateParams

from guildbank.plugin_api import (
    DisputeStand,
    DisputeStatus,
    EvidenceRefused,
    EvidenceRequest,
)
from guildbank_stripe.amounts import from_stripe
from guildbank_stripe.objects import read, read_error

_LONG, _SHORT = 20_000, 1_000
EVIDENCE_FIELDS: Mapping[str, int] = {
    "access_activity_log": _LONG,
    "cancellation_policy_disclosure": _LONG,
    "cancellation_rebuttal": _LONG,
    "duplicate_charge_explanation": _LONG,
    "product_description": _LONG,
    "refund_policy_disclosure": _LONG,
    "refund_refusal_explanation": _LONG,
    "uncategorized_text": _LONG,
    "billing_address": _SHORT,
    "customer_email_address": _SHORT,
    "customer_name": _SHORT,
    "customer_purchase_ip": _SHORT,
    "duplicate_charge_id": _SHORT,
    "service_date": _SHORT,
    "shipping_address": _SHORT,
    "shipping_carrier": _SHORT,
    "shipping_date": _SHORT,
    "shipping_tracking_number": _SHORT,
}
"""Texts that Stripe takes. For the long ones it names the limit, for the short ones it is ours."""
STATUSES: Mapping[str, DisputeStatus] = {
    "warning_needs_response": DisputeStatus.EARLY_WARNING,
    "warning_under_review": DisputeStatus.UNDER_REVIEW,
    "warning_closed": DisputeStatus.WON,
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
    "prevented": DisputeStatus.PREVENTED,
}
"""Statuses by Stripe's word. Of an appeal, which comes after the end, nothing is said."""


class EvidenceDetails(msgspec.Struct, frozen=True):
    """Until when evidence is taken, and how often some was handed in."""

    due_by: int | None = None
    submission_count: int = 0


class Moved(msgspec.Struct, frozen=True):
    """A movement of the balance; the currency may be another than the dispute's."""

    amount: int


class StripeDispute(msgspec.Struct, frozen=True):
    """A Dispute, as far as its answer and its money go.

    Its `balance_transactions` are none, the withdrawal, or that and the reinstatement.
    """

    id: str
    status: str
    amount: int | None = None
    currency: str | None = None
    evidence_details: EvidenceDetails = msgspec.field(default_factory=EvidenceDetails)
    balance_transactions: tuple[Moved, ...] | None = None


async def fetch(client: StripeClient, reference: str) -> DisputeStand:
    """Say how the dispute stands. Raises when Stripe does not say."""
    return stand_of(read(await client.v1.disputes.retrieve_async(reference), StripeDispute))


async def submit(client: StripeClient, request: EvidenceRequest) -> DisputeStand | EvidenceRefused:
    """Hand the evidence in: `submit` sends it to the bank at once, and for good."""
    params = cast(DisputeUpdateParams, {"evidence": dict(request.texts), "submit": True})
    try:
        changed = await client.v1.disputes.update_async(
            request.reference, params, {"idempotency_key": request.idempotency_key}
        )
    except InvalidRequestError as error:
        detail = read_error(error)
        return EvidenceRefused(
            code=detail.code or "invalid_request",
            detail=detail.message or "Stripe took no evidence for this dispute.",
        )
    return stand_of(read(changed, StripeDispute))


def stand_of(dispute: StripeDispute) -> DisputeStand:
    """Return what Stripe says of a dispute.

    Raises LookupError for a status that we do not know, NotExpressible for such an amount.
    """
    moved, currency = dispute.balance_transactions, (dispute.currency or "").upper() or None
    amount = None
    if dispute.amount is not None and currency is not None:
        amount = from_stripe(dispute.amount, currency)
    return DisputeStand(
        reference=dispute.id,
        status=STATUSES[dispute.status],
        answer_by=due(dispute.evidence_details),
        answered=dispute.evidence_details.submission_count > 0,
        amount_minor=amount,
        currency=None if amount is None else currency,
        withdrawn=None if moved is None else any(one.amount < 0 for one in moved),
        reinstated=None if moved is None else any(one.amount > 0 for one in moved),
    )


def due(details: EvidenceDetails | None) -> datetime | None:
    """Return until when evidence is taken: Stripe says 0 where the bank takes none."""
    if details is None or not details.due_by:
        return None
    return datetime.fromtimestamp(details.due_by, UTC)
