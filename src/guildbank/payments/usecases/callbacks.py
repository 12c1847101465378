"""Run the last stage of the pipeline: tell callback plugins what was committed, in order."""

import asyncio

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import seq_id
from guildbank.payments import outbox
from guildbank.payments.rules import next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import context
from guildbank.plugin_api import Callback, CallbackEvent

log = structlog.get_logger(__name__)
MAX_EVENTS = 500
"""What one run tells one plugin of one tenant; the rest waits for the next."""


async def deliver_callbacks(payments: Payments, tenant: TenantRef) -> int:
    """Tell every callback plugin what waits for it; return how much was told."""
    told = 0
    for plugin in payments.plugins.callbacks:
        for _ in range(MAX_EVENTS):
            if not await _deliver(payments, tenant, plugin):
                break
            told += 1
    return told


async def _deliver(payments: Payments, tenant: TenantRef, plugin: Callback) -> bool:
    """Tell the oldest event; one that fails is told again later, and before all others."""
    manifest, timing, now = plugin.manifest, payments.timing, payments.clock.now()
    async with payments.db.begin(tenant.schema) as tx:
        waiting = await outbox.take_oldest(tx.driver, manifest.id, now, now + timing.lease)
    if waiting is None:
        return False
    event = CallbackEvent(
        id=seq_id("evt", waiting.seq, waiting.at),
        kind=waiting.kind,
        at=waiting.at,
        data=msgspec.json.decode(waiting.data, type=dict[str, object]),
    )
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            await plugin.deliver(context(payments, tenant, manifest, {}), event)
    except Exception as error:  # the plugin asks to be told again
        log.warning("callback_failed", plugin=manifest.id, entry=event.id, error=repr(error))
        later = now + next_look(timing.webhook, waiting.tries - 1)
        async with payments.db.begin(tenant.schema) as tx:
            await outbox.put_off(tx.driver, manifest.id, waiting.seq, later)
        return False
    async with payments.db.begin(tenant.schema) as tx:
        await outbox.mark_done(tx.driver, manifest.id, waiting.seq)
    return True
