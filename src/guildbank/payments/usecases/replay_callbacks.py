"""Tell a callback step once more what it was told of a payment, for who lost it."""

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import callbacks, past
from guildbank.payments.contracts.refusals import NO_PAYMENT, NOTHING_TOLD, TENANT_SUSPENDED
from guildbank.payments.contracts.rows import CALLBACKS_REPLAYED
from guildbank.payments.usecases import Payments


async def replay_callbacks(
    payments: Payments, tenant: TenantRef, principal: str, payment_id: str, step: str
) -> int | Refusal:
    """Return how many events the step is told again: in order, with the ids that they had.

    Refusals: `not_found` (the payment, or nothing that the step was told of it is known),
    `tenant_suspended`.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    if parse_id("pay", payment_id) is None:
        return NO_PAYMENT
    recorder, now = await payments.recorder(tenant), payments.clock.now()
    async with payments.db.begin(tenant.schema) as tx:
        if not await past.exists(tx.driver, payment_id):
            return NO_PAYMENT
        events = await callbacks.replay(tx.driver, payment_id, step, now)
        if not events:
            return NOTHING_TOLD
        told = {"payment": payment_id, "step": step, "events": events}
        await recorder.record(tx, principal, CALLBACKS_REPLAYED, told)
    return events
