"""Take a webhook in: verify the raw bytes, keep the event once, answer, work afterwards.

Providers write names and addresses of payers into what they send. So of the bytes no more is kept
than the fields that the plugin's manifest allows.
"""

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id
from guildbank.payments import inbox, store
from guildbank.payments.archive import Gathered
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.exchanges import fields_of, mask_cards
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, line_by
from guildbank.payments.usecases.handle_webhook import handle_webhook, state_of, subject_of
from guildbank.plugin_api import Manifest, ProviderEvent, WebhookRejected
from guildbank.tenancy import check_slug

log = structlog.get_logger(__name__)

NO_WEBHOOK = Refusal(code="not_found", detail="No provider delivers events here.")


async def receive_webhook(
    payments: Payments, tenant_slug: str, provider: str, headers: Mapping[str, str], body: bytes
) -> bool | Refusal:
    """Keep a provider's event; False when it came before and nothing is to be done.

    Refusals: `not_found` (the tenant has no such provider), `bad_signature` for everything that
    the provider's plugin does not believe; then nothing is stored, nor what the plugin asked about
    it: strangers would fill the tenant's archive.
    """
    known = check_slug(tenant_slug) is None
    tenant = await payments.tenants.by_slug(tenant_slug) if known else None
    if tenant is None:
        return NO_WEBHOOK
    asked: list[Gathered] = []
    believed = await _believed(payments, tenant, provider, headers, body, asked)
    if believed is None:
        return NO_WEBHOOK
    event, manifest = believed
    if isinstance(event, WebhookRejected):
        return Refusal(
            code="bad_signature",
            detail="The event is not believed: its signature, age or form is wrong.",
            extra={"reason": event.code[:64]},
        )
    if event.reason is not None:
        event = msgspec.structs.replace(event, reason=mask_cards(event.reason))
    id_, now, fields = new_id("whk"), payments.clock.now(), fields_of(body, manifest.archived)
    async with payments.db.begin(tenant.schema) as tx:
        fresh = await inbox.insert_webhook(tx.driver, id_, provider, event, fields, now)
    if asked:
        payments.start(_keep(payments, tenant, provider, event, asked))
    if fresh:
        payments.start(handle_webhook(payments, tenant, id_))
    return fresh


async def _keep(
    payments: Payments,
    tenant: TenantRef,
    provider: str,
    event: ProviderEvent,
    asked: Sequence[Gathered],
) -> None:
    """Keep what was asked while an event was read, with what the event is about."""
    subject = await subject_of(payments, tenant, provider, event)
    payments.archive.keep_gathered(tenant, subject, asked)


async def _believed(
    payments: Payments,
    tenant: TenantRef,
    provider: str,
    headers: Mapping[str, str],
    body: bytes,
    asked: list[Gathered],
) -> tuple[ProviderEvent | WebhookRejected, Manifest] | None:
    """Return the event as the newest version has it that reads what the event is about, and which
    version that is.

    What they ask for that is added to `asked`.

    What no version reads, or names nothing of ours, is as the newest has it that believes it. None
    where nobody can be asked.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, provider)
    versions = payments.plugins.versions(provider)
    first: tuple[ProviderEvent | WebhookRejected, Manifest] | None = None
    if account is None:
        return None
    for plugin in versions:
        line = await line_by(payments, tenant, (plugin, account))
        if isinstance(line, Refusal):
            continue
        event = await _read(line.gathering(payments, asked), headers, body)
        if isinstance(event, ProviderEvent):
            if len(versions) == 1:
                return event, plugin.manifest
            state = await state_of(payments, tenant, provider, event)
            if state is not None and plugin.manifest.reads(state):
                return event, plugin.manifest
        if first is None or (
            isinstance(event, ProviderEvent) and not isinstance(first[0], ProviderEvent)
        ):
            first = event, plugin.manifest
    return first


async def _read(
    line: Line, headers: Mapping[str, str], body: bytes
) -> ProviderEvent | WebhookRejected:
    """Return the event if its plugin believes it and it can be stored."""
    try:
        # Some providers sign by certificates that have to be fetched, and that may hang.
        async with asyncio.timeout(line.manifest.timeout_seconds):
            event = await line.plugin.read_webhook(line.context, headers, body)
    except Exception as error:  # a stranger's bytes must not be more than a refusal
        log.warning("webhook_unreadable", plugin=line.manifest.id, error=fault_of(line, error))
        return WebhookRejected(code="malformed", detail="the event cannot be read")
    if isinstance(event, WebhookRejected):
        return event
    words = [value for value in msgspec.structs.astuple(event) if isinstance(value, str)]
    if not all(map(storable, words)):
        return WebhookRejected(code="malformed", detail="a word of the event cannot be stored")
    return event
