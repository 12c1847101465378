"""Give up what waits for a callback step that will not be reached any more, and go on."""

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import callbacks
from guildbank.payments.contracts.refusals import (
    CALLBACK_NOT_DISABLED,
    NO_CALLBACK,
    TENANT_SUSPENDED,
)
from guildbank.payments.contracts.rows import CALLBACK_SKIPPED
from guildbank.payments.usecases import Payments

PART = 1_000
"""How many events are given up in one transaction."""


async def skip_callback(
    payments: Payments, tenant: TenantRef, principal: str, purpose: str, step: str
) -> int | Refusal:
    """Return how many events a disabled step is not told; it is told of what comes from now on.

    They count as ended, and can be replayed. Refusals: `not_found`, `callback_not_disabled`,
    `tenant_suspended`.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    recorder, now, events = await payments.recorder(tenant), payments.clock.now(), 0
    while True:
        async with payments.db.begin(tenant.schema) as tx:
            disabled = await callbacks.is_disabled(tx.driver, purpose, step)
            if not disabled:
                return NO_CALLBACK if disabled is None else CALLBACK_NOT_DISABLED
            some = await callbacks.give_up(tx.driver, purpose, step, now, PART)
            events += some
            if some < PART:
                await callbacks.enable(tx.driver, purpose, step, now)
                told = {"purpose": purpose, "step": step, "events": events}
                await recorder.record(tx, principal, CALLBACK_SKIPPED, told)
                return events
