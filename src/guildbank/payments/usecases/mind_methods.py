"""Go on with what waits for providers that keep methods: whoever died or got no answer left it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Lane, Turn, alternating, in_lanes
from guildbank.journal import Unavailable
from guildbank.payments import agenda, saved
from guildbank.payments.rules import next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.forget_customer import forget_customer
from guildbank.payments.usecases.keep_method import keep_method
from guildbank.payments.usecases.remove_method import detach_method

log = structlog.get_logger(__name__)
AT_ONCE = 100
_NEVER = datetime(1, 1, 2, tzinfo=UTC)
Work = Callable[[], Awaitable[bool]]


async def mind_methods(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Name, detach and forget what is due until the turn is over.

    Returns how often a provider was asked.
    """
    return await in_lanes(turn, await _due(payments, tenant))


async def _due(payments: Payments, tenant: TenantRef) -> Sequence[Lane]:
    now = payments.clock.now()
    since = now - payments.timing.keeping[0]
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        customers = await saved.forgetting(tx.driver, now, AT_ONCE)
        methods = await saved.removing(tx.driver, now, AT_ONCE)
        attempts = await saved.unnamed(tx.driver, now, since, AT_ONCE)

    def leased(provider: str, subject: str, work: Work) -> Lane:
        return provider, partial(_under_lease, payments, tenant, subject, work)

    forget, detach = (
        partial(forget_customer, payments, tenant),
        partial(detach_method, payments, tenant),
    )
    return alternating(
        [leased(one.provider, one.id, partial(forget, one)) for one in customers],
        [leased(one.provider, one.id, partial(detach, one)) for one in methods],
        [
            leased(one.provider, f"{one.id}:method", partial(keep_method, payments, tenant, one.id))
            for one in attempts
        ],
    )


async def _under_lease(payments: Payments, tenant: TenantRef, subject: str, work: Work) -> bool:
    """Do the work while nobody else does, and plan the next try."""
    now, timing = payments.clock.now(), payments.timing
    async with payments.db.begin(tenant.schema) as tx:
        number = await agenda.lease_look(
            tx.driver, subject, now, now + timing.lease, idle_since=_NEVER, count=1
        )
    if number is None:
        return False
    try:
        await work()
    except Unavailable as away:
        log.warning("keeping_failed", subject=subject, error=str(away))
    async with payments.db.begin(tenant.schema) as tx:
        at = now + next_look(timing.keeping, number)
        await agenda.plan_look(tx.driver, subject, now, at)
    return True
