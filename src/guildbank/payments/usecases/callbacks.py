"""Run the last stage of the pipeline: tell callback steps what was committed, in order."""

import asyncio
from typing import cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import seq_id
from guildbank.payments import outbox
from guildbank.payments.rules import next_look
from guildbank.payments.usecases import Payments
from guildbank.pipelines import Placed, Step, began_with, know_secrets, with_secrets
from guildbank.plugin_api import Callback, CallbackEvent, Slot

log = structlog.get_logger(__name__)
MAX_EVENTS = 500
"""What one run tells one step of one tenant; the rest waits for the next."""


async def deliver_callbacks(payments: Payments, tenant: TenantRef) -> int:
    """Tell every callback step what waits for it; return how much was told."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        steps = await outbox.waiting_steps(tx.driver)
    told = 0
    for purpose, step in steps:
        for _ in range(MAX_EVENTS):
            if not await _deliver(payments, tenant, purpose, step):
                break
            told += 1
    return told


async def forget_tellings(payments: Payments, tenant: TenantRef) -> int:
    """Forget what steps were told long ago; return how much that was."""
    before, forgotten = payments.clock.now() - payments.timing.told_kept, 0
    while True:
        async with payments.db.begin(tenant.schema) as tx:
            some = await outbox.forget_told(tx.driver, before, MAX_EVENTS)
        forgotten += some
        if some < MAX_EVENTS:
            return forgotten


async def _deliver(payments: Payments, tenant: TenantRef, purpose: str, step_id: str) -> bool:
    """Tell the oldest event; one that fails is told again later, and before all others."""
    timing, now = payments.timing, payments.clock.now()
    async with payments.db.begin(tenant.schema) as tx:
        waiting = await outbox.take_oldest(tx.driver, purpose, step_id, now, now + timing.lease)
        if waiting is None:
            return False
        stages = await began_with(
            payments.pipelines, tx.driver, tenant.schema, purpose, waiting.revision
        )
    step = next(one for one in stages.callbacks if one.id == step_id)
    event = CallbackEvent(
        id=seq_id("evt", waiting.seq, waiting.at),
        kind=waiting.kind,
        at=waiting.at,
        data=msgspec.json.decode(waiting.data, type=dict[str, object]),
    )
    try:
        await _tell(payments, tenant, purpose, step, event)
    except Exception as error:  # the step asks to be told again
        log.warning("callback_failed", step=step_id, entry=event.id, error=repr(error))
        later = now + next_look(timing.webhook, waiting.tries - 1)
        async with payments.db.begin(tenant.schema) as tx:
            await outbox.put_off(tx.driver, purpose, step_id, waiting.seq, later)
        return False
    async with payments.db.begin(tenant.schema) as tx:
        await outbox.mark_done(tx.driver, purpose, step_id, waiting.seq, payments.clock.now())
    return True


async def _tell(
    payments: Payments, tenant: TenantRef, purpose: str, step: Step, event: CallbackEvent
) -> None:
    plugin = payments.plugins.at(Slot.CALLBACK, step.plugin)
    if plugin is None:
        raise LookupError(f"the plugin {step.plugin} is not installed any more")
    placed = [Placed(Slot.CALLBACK, step)]
    (secrets,) = await know_secrets(payments.pipelines, tenant, purpose, placed)
    context = payments.pipelines.context(tenant, plugin.manifest, with_secrets(step, secrets))
    async with asyncio.timeout(plugin.manifest.timeout_seconds):
        await cast("Callback", plugin).deliver(context, event)
