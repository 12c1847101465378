"""Take a webhook in: verify the raw bytes, keep the event once, answer, work afterwards."""

import asyncio
from collections.abc import Mapping

import msgspec
import structlog

from guildbank.kernel import Refusal, new_id
from guildbank.payments import inbox
from guildbank.payments.asking import storable
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, line_to
from guildbank.payments.usecases.handle_webhook import handle_webhook
from guildbank.plugin_api import ProviderEvent, WebhookRejected
from guildbank.tenancy import check_slug

log = structlog.get_logger(__name__)

NO_WEBHOOK = Refusal(code="not_found", detail="No provider delivers events here.")
MAX_HEADERS = 64
_PRIVATE = frozenset({"authorization", "cookie", "proxy-authorization"})


async def receive_webhook(
    payments: Payments, tenant_slug: str, provider: str, headers: Mapping[str, str], body: bytes
) -> bool | Refusal:
    """Keep a provider's event; False when it came before and nothing is to be done.

    Refusals: `not_found` (the tenant has no such provider), `bad_signature` for everything that
    the provider's plugin does not believe; then nothing is stored.
    """
    known = check_slug(tenant_slug) is None
    tenant = await payments.tenants.by_slug(tenant_slug) if known else None
    if tenant is None:
        return NO_WEBHOOK
    line = await line_to(payments, tenant, provider)
    if isinstance(line, Refusal):
        return NO_WEBHOOK
    event = await _read(line, headers, body)
    if isinstance(event, WebhookRejected):
        return Refusal(
            code="bad_signature",
            detail="The event is not believed: its signature, age or form is wrong.",
            extra={"reason": event.code[:64]},
        )
    kept = {
        name: value
        for name, value in list(headers.items())[:MAX_HEADERS]
        if name.lower() not in _PRIVATE
    }
    id_ = new_id("whk")
    async with payments.db.begin(tenant.schema) as tx:
        fresh = await inbox.insert_webhook(
            tx.driver, id_, provider, event, kept, body, payments.clock.now()
        )
    if fresh:
        payments.start(handle_webhook(payments, tenant, id_))
    return fresh


async def _read(
    line: Line, headers: Mapping[str, str], body: bytes
) -> ProviderEvent | WebhookRejected:
    """Return the event if its plugin believes it and it can be stored."""
    try:
        # Some providers sign by certificates that have to be fetched, and that may hang.
        async with asyncio.timeout(line.manifest.timeout_seconds):
            event = await line.plugin.read_webhook(line.context, headers, body)
    except Exception as error:  # a stranger's bytes must not be more than a refusal
        log.warning("webhook_unreadable", plugin=line.manifest.id, error=repr(error))
        return WebhookRejected(code="malformed", detail="the event cannot be read")
    if isinstance(event, WebhookRejected):
        return event
    words = [value for value in msgspec.structs.astuple(event) if isinstance(value, str)]
    if not all(map(storable, words)):
        return WebhookRejected(code="malformed", detail="a word of the event cannot be stored")
    return event
