"""Ask a provider about a dispute, and book what no event told: its end, and where its money is."""

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Outcome as JournalOutcome
from guildbank.kernel import Refusal, new_id
from guildbank.payments import disputes, store
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.rows import Attempt, Dispute, DisputeState
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.dispute import FollowDispute
from guildbank.payments.usecases.dispute_stand import ask_stand
from guildbank.payments.usecases.dispute_told import Told, untold
from guildbank.payments.usecases.money import read_taking
from guildbank.payments.usecases.release_dispute import ReleaseDispute
from guildbank.payments.usecases.spent_coins import spent_default
from guildbank.payments.usecases.take_items import items_of
from guildbank.plugin_api import DisputeStand, EventKind

log = structlog.get_logger(__name__)


async def look_at_dispute(payments: Payments, tenant: TenantRef, dispute: Dispute) -> bool:
    """Ask how the dispute stands and book it; False where its provider did not or cannot say.

    A lost one whose money the company says it has not taken, for as long as `dispute_untaken`,
    lets go of its coins. Raises Unavailable.
    """
    stand = await ask_stand(
        payments, tenant, dispute.provider, dispute.payment_id, dispute.reference
    )
    if isinstance(stand, Refusal):
        return False
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        known = await disputes.dispute_by_id(tx.driver, dispute.id) or dispute
        attempt = await store.attempt_by_id(tx.driver, dispute.attempt_id)
    if attempt is None:
        return False
    for told in untold(known, stand, new_id("look")):
        _record(dispute.id, await follow(payments, tenant, attempt, told))
    if stand.withdrawn is False and _waits_in_vain(payments, known):
        act = ReleaseDispute(attempt, known)
        _record(dispute.id, await payments.journal.submit(tenant.schema, act))
    return True


async def follow(
    payments: Payments, tenant: TenantRef, attempt: Attempt, told: Told
) -> JournalOutcome:
    """Book what was told of a dispute. Refusals: those of `FollowDispute`. Raises Unavailable."""
    spent, items = await spent_default(payments, tenant), await items_of(payments, tenant, attempt)
    return await payments.journal.submit(tenant.schema, FollowDispute(attempt, told, spent, items))


async def look_by_line(
    payments: Payments, tenant: TenantRef, attempt: Attempt, reference: str | None
) -> bool:
    """Ask about the dispute that a line of a report is of; False where nobody could say.

    Where the line does not name it, those of the payment are asked about. One that no event told of
    begins here.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        known = await store.disputes_of(tx.driver, attempt.payment_id)
    ours = [one for one in known if reference in (None, one.reference)]
    if not ours and reference is not None:
        begun = await _begin(payments, tenant, attempt, reference)
        ours = [] if begun is None else [begun]
    looks = [await look_at_dispute(payments, tenant, one) for one in ours]
    return any(looks)


async def _begin(
    payments: Payments, tenant: TenantRef, attempt: Attempt, reference: str
) -> Dispute | None:
    """Record a dispute that its provider knows and we do not; None where it does not say enough."""
    stand = await ask_stand(payments, tenant, attempt.provider, attempt.payment_id, reference)
    if isinstance(stand, Refusal) or stand.amount_minor is None or stand.currency is None:
        return None
    told = _opened(stand, stand.amount_minor, stand.currency)
    _record(reference, await follow(payments, tenant, attempt, told))
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        known = await store.disputes_of(tx.driver, attempt.payment_id)
    return next((one for one in known if one.reference == reference), None)


def _opened(stand: DisputeStand, amount_minor: int, money: str) -> Told:
    return Told(
        EventKind.DISPUTE_OPENED, stand.reference, amount_minor, money, None, None, stand,
        new_id("look"),
    )  # fmt: skip


def _waits_in_vain(payments: Payments, known: Dispute) -> bool:
    lost = known.state is DisputeState.LOST and not known.withdrawn
    since = payments.clock.now() - payments.timing.dispute_untaken
    return lost and read_taking(known.taking).aside and known.changed_at <= since


def _record(subject: str, outcome: JournalOutcome) -> None:
    if isinstance(outcome, Refusal) and outcome.code != NO_CHANGE.code:
        log.error("dispute_not_followed", dispute=subject, code=outcome.code)
