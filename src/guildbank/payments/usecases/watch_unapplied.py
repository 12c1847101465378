"""Tell the tenant's people of money that bought nothing and was not given back for too long."""

import structlog

from guildbank.identity import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.ledger import Alarm, begin_alarm, end_alarm
from guildbank.payments import agenda
from guildbank.payments.contracts.rows import UNAPPLIED_AGED, UNAPPLIED_CLEARED
from guildbank.payments.usecases import Payments

log = structlog.get_logger(__name__)
UNAPPLIED = Alarm(
    name="unapplied",
    begins=UNAPPLIED_AGED,
    ends=UNAPPLIED_CLEARED,
    permission="payments:refund",
)


async def watch_unapplied(payments: Payments, identity: Identity, tenant: TenantRef) -> bool:
    """Begin the alarm, or end it; return whether there is any such money now."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        oldest = await agenda.oldest_unapplied(tx.driver)
    age = None if oldest is None else payments.clock.now() - oldest.created_at
    if oldest is None or age is None or age < payments.timing.unapplied_ages:
        if await end_alarm(identity, tenant, UNAPPLIED, {}, {}):
            log.warning("unapplied_cleared", tenant=tenant.slug)
        return False
    told = {"payment": oldest.payment_id, "attempt": oldest.id}
    values = {"payment": oldest.payment_id, "hours": str(int(age.total_seconds()) // 3_600)}
    if await begin_alarm(identity, tenant, UNAPPLIED, told, values):
        log.error(
            "unapplied_aged",
            tenant=tenant.slug,
            payment=oldest.payment_id,
            attempt=oldest.id,
            meaning="Captured money bought nothing, and was not given back by itself.",
            to_do="Refund the payment by its attempt; see docs/when-the-proof-breaks.md.",
        )
    return True
