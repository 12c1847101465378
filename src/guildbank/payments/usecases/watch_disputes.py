"""Tell the tenant's people of disputes that are to be answered soon and nobody has answered."""

import structlog

from guildbank.identity import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.ledger import Alarm, begin_alarm
from guildbank.payments import disputes
from guildbank.payments.contracts.rows import DISPUTES_DUE
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.answer_dispute import ANSWER

log = structlog.get_logger(__name__)


async def watch_disputes(payments: Payments, identity: Identity, tenant: TenantRef) -> int:
    """Tell of them once each day on which there are any; return how many there are now.

    Each day is an alarm of its own, which nothing ends: who answered is told no more.
    """
    now = payments.clock.now()
    by = now + payments.timing.dispute_warns
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        count = await disputes.count_due(tx.driver, now, by)
        first = await disputes.first_due(tx.driver, now, by)
    if first is None or first.answer_by is None:
        return 0
    told = {
        "disputes": count, "dispute": first.id, "payment": first.payment_id,
        "answerBy": first.answer_by,
    }  # fmt: skip
    values = {
        "disputes": str(count), "dispute": first.id, "payment": first.payment_id,
        "by": f"{first.answer_by:%Y-%m-%d %H:%M} UTC",
    }  # fmt: skip
    alarm = Alarm(
        name=f"disputes_due:{now:%Y-%m-%d}", begins=DISPUTES_DUE, ends=DISPUTES_DUE,
        permission=ANSWER,
    )  # fmt: skip
    if await begin_alarm(identity, tenant, alarm, told, values):
        log.warning("disputes_due", tenant=tenant.slug, disputes=count, first=first.id)
    return count
