"""Say whether disputes bar a refund that was begun before them from being sent."""

from datetime import datetime
from typing import NamedTuple

from guildbank.infra.tenant import TenantRef
from guildbank.payments import store
from guildbank.payments.contracts.refusals import DISPUTE_OPEN
from guildbank.payments.contracts.rows import Attempt, Dispute, Refund
from guildbank.payments.rules import CLOSED_DISPUTES
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.money import read_taking

TAKEN = "disputed"
UNSENT = (DISPUTE_OPEN.code, TAKEN)
"""The codes of refunds that ended since disputes barred them."""


class Barred(NamedTuple):
    """Why a refund is not sent, and since when nobody has begun to send it."""

    code: str
    since: datetime


def bars_refunds(attempt: Attempt) -> bool:
    """Say whether disputes bar even a refund that was begun: one is open, or took its money."""
    over = attempt.claimed_minor > attempt.captured_minor
    return attempt.open_disputes > 0 or (over and attempt.disputed_minor + attempt.aside_minor > 0)


async def barred(payments: Payments, tenant: TenantRef, refund: Refund) -> Barred | None:
    """Return why disputes bar the refund now, None where they do not.

    The code is `dispute_open` while one is open, and `disputed` where one took the money
    that was to go back.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        attempt = await store.attempt_by_id(tx.driver, refund.attempt_id)
        disputes = await store.disputes_of(tx.driver, refund.payment_id)
    if attempt is None or not bars_refunds(attempt):
        return None
    of_it = [one for one in disputes if one.attempt_id == attempt.id and _counts(one)]
    since = min((one.created_at for one in of_it), default=attempt.changed_at)
    code = DISPUTE_OPEN.code if attempt.open_disputes > 0 else TAKEN
    return Barred(code, since)


def _counts(dispute: Dispute) -> bool:
    """Say whether the dispute is open, or has money or coins that it took."""
    took = dispute.withdrawn and not dispute.reinstated
    return dispute.state not in CLOSED_DISPUTES or took or read_taking(dispute.taking).aside
