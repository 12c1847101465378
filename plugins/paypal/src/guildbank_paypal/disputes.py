"""Disputes: how one stands at PayPal, until when it is answered, and who bears it in the end.

https://developer.paypal.com/api/customer-disputes/v1/disputes-get . PayPal tells of the money of a
dispute only by how it was resolved.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import msgspec

from guildbank.plugin_api import DisputeStand, DisputeStatus
from guildbank_paypal.amounts import from_paypal
from guildbank_paypal.client import Client, PayPalFailed, path_of
from guildbank_paypal.objects import Money

RESOLVED = "RESOLVED"
STATUSES: Mapping[str, DisputeStatus] = {
    "OPEN": DisputeStatus.NEEDS_RESPONSE,
    "WAITING_FOR_SELLER_RESPONSE": DisputeStatus.NEEDS_RESPONSE,
    "WAITING_FOR_BUYER_RESPONSE": DisputeStatus.UNDER_REVIEW,
    "UNDER_REVIEW": DisputeStatus.UNDER_REVIEW,
    "OTHER": DisputeStatus.UNDER_REVIEW,
}
"""Whose turn it is, by PayPal's word; the seller's, or not. One that is resolved has an outcome."""
_LOST = frozenset({"RESOLVED_BUYER_FAVOUR", "ACCEPTED"})
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class Disputed(msgspec.Struct, frozen=True):
    """The payment that a dispute is about."""

    seller_transaction_id: str | None = None
    custom: str | None = None


class Result(msgspec.Struct, frozen=True):
    """How a dispute ended."""

    outcome_code: str
    amount_refunded: Money | None = None


class Dispute(msgspec.Struct, frozen=True):
    """A dispute, as events and looks show it."""

    dispute_id: str
    dispute_amount: Money
    status: str = ""
    disputed_transactions: tuple[Disputed, ...] = ()
    reason: str | None = None
    dispute_outcome: Result | None = None
    seller_response_due_date: Moment | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it was resolved at the seller's cost."""
        return self.dispute_outcome is not None and self.dispute_outcome.outcome_code in _LOST

    @property
    def cost(self) -> Money:
        """What it is about or, once it is lost, what went to the buyer."""
        result = self.dispute_outcome
        return (self.is_lost and result and result.amount_refunded) or self.dispute_amount


async def fetch(client: Client, reference: str) -> DisputeStand | None:
    """Say how a dispute stands, None where the app may not read disputes, or has none such.

    Raises PayPalFailed, NoAnswer, and what `stand_of` raises.
    """
    dispute = await client.look(path_of("v1", "customer", "disputes", reference), Dispute)
    return None if dispute is None else stand_of(dispute)


def stand_of(dispute: Dispute) -> DisputeStand:
    """Return how a dispute stands. Raises PayPalFailed for a status that we do not know,
    NotExpressible for such an amount.
    """
    cost = dispute.cost
    return DisputeStand(
        reference=dispute.dispute_id,
        status=_status(dispute),
        answer_by=dispute.seller_response_due_date,
        amount_minor=from_paypal(cost.value, cost.currency_code),
        currency=cost.currency_code,
    )


def _status(dispute: Dispute) -> DisputeStatus:
    if dispute.status == RESOLVED and dispute.dispute_outcome is not None:
        return DisputeStatus.LOST if dispute.is_lost else DisputeStatus.WON
    known = STATUSES.get(dispute.status)
    if known is None:
        raise PayPalFailed(f"a dispute has the status {dispute.status[:40]!r}, which says nothing")
    return known
