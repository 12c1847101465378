"""Mind payouts: send what waits to be sent, ask about what nobody knows, watch for what comes back.

Nothing here ends a payout by the passing of time: only what a provider says does.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Lane, Turn, alternating, in_lanes
from guildbank.journal import Outcome as JournalOutcome
from guildbank.journal import Unavailable
from guildbank.payments import agenda
from guildbank.payments import payouts as shelf
from guildbank.payments.contracts.payouts import Payout, PayoutState
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.rules import next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.foreign_refund import TOO_EARLY
from guildbank.payments.usecases.payouts.send import look_at_payout
from guildbank.plugin_api import ProviderEvent

log = structlog.get_logger(__name__)
_NEVER = datetime(1, 1, 2, tzinfo=UTC)
MAX_LOOKS = 100
"""What one run does for one tenant; the rest waits for the next."""


async def mind_payouts(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Look at what is due until the turn is over; return how many looks were taken."""
    now, timing = payments.clock.now(), payments.timing
    first = now - timing.unknown[0], now - timing.pending[0]
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        open_ = await shelf.payouts_to_ask(tx.driver, now, *first, MAX_LOOKS)
        since = now - timing.payout_returns
        paid = await shelf.paid_of_late(tx.driver, now, since, MAX_LOOKS)

    def looks(some: Sequence[Payout]) -> list[Lane]:
        return [(one.provider, partial(_look, payments, tenant, one, now)) for one in some]

    return await in_lanes(turn, alternating(looks(open_), looks(paid)))


async def _look(payments: Payments, tenant: TenantRef, one: Payout, now: datetime) -> bool:
    """Take one look under a lease, then plan the next one."""
    timing = payments.timing
    subject = f"{one.id}:paid" if one.state is PayoutState.PAID else one.id
    async with payments.db.begin(tenant.schema) as tx:
        number = await agenda.lease_look(
            tx.driver, subject, now, now + timing.lease, idle_since=_NEVER, count=1
        )
    if number is None:
        return False
    try:
        await look_at_payout(payments, tenant, one)
    except Unavailable as away:
        log.warning("look_failed", subject=one.id, error=str(away))
    delays: dict[PayoutState, tuple[timedelta, ...]] = {
        PayoutState.PAID: timing.pending,
        PayoutState.PENDING: timing.pending,
        PayoutState.REQUESTED: timing.keeping,
    }
    # The last pause repeats: what is unknown is asked about for as long as it is.
    at = now + next_look(delays.get(one.state, timing.unknown), number)
    async with payments.db.begin(tenant.schema) as tx:
        await agenda.plan_look(tx.driver, subject, now, at)
    return True


async def find_told(
    payments: Payments, tenant: TenantRef, provider: str, event: ProviderEvent
) -> Payout | None:
    """Return the payout that an event names, by our reference or by the provider's."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = None
        if event.payout_id is not None:
            found = await shelf.payout_by_id(tx.driver, event.payout_id)
        if found is None and event.payout_reference is not None:
            found = await shelf.payout_by_reference(tx.driver, provider, event.payout_reference)
    return found if found is not None and found.provider == provider else None


async def follow_payout(
    payments: Payments, tenant: TenantRef, payout: Payout | None, reference: str | None
) -> JournalOutcome:
    """Ask about the payout that is told of: the event is a hint, and moves nothing by itself.

    `reference` is the provider's name of it, which may be news.
    """
    if payout is None:
        # Either our own commit is yet to come, or it is a payout of another shop.
        return TOO_EARLY
    told = await look_at_payout(payments, tenant, payout, reference)
    return NO_CHANGE if told else TOO_EARLY
