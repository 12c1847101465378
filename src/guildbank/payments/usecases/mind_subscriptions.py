"""Ask stores about subscriptions when their periods end, and once in a while before."""

from datetime import UTC, datetime
from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, in_lanes
from guildbank.journal import Unavailable
from guildbank.kernel import Refusal
from guildbank.payments import agenda
from guildbank.payments.contracts.subscriptions import Subscription
from guildbank.payments.subscriptions import due_subscriptions, subscription_by_reference
from guildbank.payments.usecases import Payments, Timing
from guildbank.payments.usecases.handle_webhook import handle_webhook
from guildbank.payments.usecases.look_at_subscription import look_at_subscription
from guildbank.plugin_api import ENDED_STATES

log = structlog.get_logger(__name__)
AT_ONCE = 100
_NEVER = datetime(1, 1, 2, tzinfo=UTC)


async def mind_subscriptions(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Look at what is due until the turn is over, and book what was bought.

    Returns how many looks were taken.
    """
    now, timing = payments.clock.now(), payments.timing
    spans = (timing.renewal_late, timing.renewal_within, timing.renewal_ended)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        due = await due_subscriptions(tx.driver, now, *spans, AT_ONCE)
    looks = ((one.provider, partial(_look, payments, tenant, one)) for one in due)
    return await in_lanes(turn, looks)


async def _look(payments: Payments, tenant: TenantRef, known: Subscription) -> bool:
    """Take one look under a lease, then plan the next one."""
    now, timing = payments.clock.now(), payments.timing
    async with payments.db.begin(tenant.schema) as tx:
        until = now + timing.lease
        number = await agenda.lease_look(
            tx.driver, known.id, now, until, idle_since=_NEVER, count=1
        )
    if number is None:
        return False
    try:
        fresh = await look_at_subscription(payments, tenant, known)
        for id_ in () if isinstance(fresh, Refusal) else fresh:
            await handle_webhook(payments, tenant, id_)
    except Unavailable as away:
        log.warning("look_failed", subject=known.id, error=str(away))
    async with payments.db.begin(tenant.schema) as tx:
        after = await subscription_by_reference(tx.driver, known.provider, known.reference)
        at = _next_ask(after or known, now, timing)
        await agenda.plan_look(tx.driver, known.id, now, at)
    return True


def _next_ask(known: Subscription, now: datetime, timing: Timing) -> datetime:
    """Return when its store is asked next."""
    due = known.ends_at + timing.renewal_late
    if due > now:
        return min(due, now + timing.renewal_within)
    ended = known.state in ENDED_STATES
    return now + (timing.renewal_within if ended else timing.renewal_again)
