"""Ask providers about disputes that are not at their end: a webhook that is lost loses no money."""

from datetime import UTC, datetime
from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, in_lanes
from guildbank.journal import Unavailable
from guildbank.payments import agenda, disputes
from guildbank.payments.contracts.rows import Dispute
from guildbank.payments.rules import CLOSED_DISPUTES, next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.look_at_dispute import look_at_dispute

log = structlog.get_logger(__name__)
_NEVER = datetime(1, 1, 2, tzinfo=UTC)
MAX_LOOKS = 100
"""What one run does for one tenant; the rest waits for the next."""


async def mind_disputes(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Look at disputes that are open, or decided without their money, until the turn is over.

    Returns how many looks were taken.
    """
    now, timing = payments.clock.now(), payments.timing
    pauses = disputes.Pauses(
        timing.dispute_open[0], timing.dispute_decided[0], timing.dispute_gives_up
    )
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        due = await disputes.unended(tx.driver, now, pauses, MAX_LOOKS)
    looks = ((one.provider, partial(_look, payments, tenant, one, now)) for one in due)
    return await in_lanes(turn, looks)


async def _look(payments: Payments, tenant: TenantRef, one: Dispute, now: datetime) -> bool:
    """Take one look under a lease, then plan the next one."""
    timing = payments.timing
    subject = f"{one.id}{disputes.OF_STAND}"
    async with payments.db.begin(tenant.schema) as tx:
        number = await agenda.lease_look(
            tx.driver, subject, now, now + timing.lease, idle_since=_NEVER, count=1
        )
    if number is None:
        return False
    try:
        await look_at_dispute(payments, tenant, one)
    except Unavailable as away:
        log.warning("look_failed", subject=one.id, error=str(away))
    decided = one.state in CLOSED_DISPUTES
    delays = timing.dispute_decided if decided else timing.dispute_open
    async with payments.db.begin(tenant.schema) as tx:
        await agenda.plan_look(tx.driver, subject, now, now + next_look(delays, number))
    return True
