"""Let a callback step be told again what waits for it, after whoever it tells was away."""

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import callbacks
from guildbank.payments.contracts.refusals import NO_CALLBACK, TENANT_SUSPENDED
from guildbank.payments.contracts.rows import CALLBACK_ENABLED
from guildbank.payments.usecases import Payments


async def enable_callback(
    payments: Payments, tenant: TenantRef, principal: str, purpose: str, step: str
) -> Refusal | None:
    """Enable a step and try at once what waits for it; one that is enabled is tried at once too.

    Refusals: `not_found`, `tenant_suspended`.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    recorder, now = await payments.recorder(tenant), payments.clock.now()
    async with payments.db.begin(tenant.schema) as tx:
        if not await callbacks.enable(tx.driver, purpose, step, now):
            return NO_CALLBACK
        await recorder.record(tx, principal, CALLBACK_ENABLED, {"purpose": purpose, "step": step})
    return None
