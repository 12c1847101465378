"""Find a tenant's account at a provider, ready to call, and configure it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.archive import Gathered, Subject
from guildbank.payments.contracts.refusals import (
    NO_PROVIDER,
    PROVIDER_RESTING,
    SANDBOX_REFUSED,
    SETTINGS_UNREAD,
    STATE_UNREAD,
)
from guildbank.payments.contracts.rows import Account
from guildbank.payments.states import states_of
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.stored_settings import Safe, safe_of
from guildbank.plugin_api import Context, Manifest, PaymentProvider
from guildbank.plugin_host import (
    Outbound,
    Withheld,
)

SYSTEM = "system"
log = structlog.get_logger(__name__)


class Line(msgspec.Struct, frozen=True):
    """A provider with the context to call it in.

    `since` says which account the settings are of: what begins by this line begins there or not.
    """

    plugin: PaymentProvider
    context: Context
    since: datetime | None = None

    def about(self, payments: Payments, tenant: TenantRef, subject: Subject) -> "Line":
        """Return the line whose requests are kept with what they are about."""
        context = payments.archive.listens(tenant, subject, self.context, self.manifest)
        return msgspec.structs.replace(self, context=context)

    def gathering(self, payments: Payments, into: list[Gathered]) -> "Line":
        """Return the line whose requests are gathered until it is known what they are about."""
        context = payments.archive.gathers(into, self.context, self.manifest)
        return msgspec.structs.replace(self, context=context)

    @property
    def manifest(self) -> Manifest:
        """The plugin's manifest."""
        return self.plugin.manifest


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's account at a provider, without its secrets.

    `problem` says why its plugin cannot use what an older version stored. `merchant` are the
    provider's names of whose account it is, and `fixed` says that it was used and stays theirs.
    """

    id: str
    enabled: bool
    settings: Mapping[str, Any]
    secrets_set: tuple[str, ...]
    changed_at: datetime
    problem: str | None = None
    merchant: tuple[str, ...] = ()
    fixed: bool = False


async def line_about(
    payments: Payments, tenant: TenantRef, provider: str, payment_id: str
) -> Line | Refusal:
    """Return the line to go on with a payment, by the newest version of the plugin that reads it.

    Requests are kept with the payment. Refusals: those of `line_to`, `provider_state_unread`.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, provider)
        states = await states_of(tx.driver, provider, payment_id)
    line = await _reading(payments, tenant, provider, account, states)
    return line if isinstance(line, Refusal) else line.about(payments, tenant, Subject(payment_id))


async def line_with(
    payments: Payments, tenant: TenantRef, provider: str, state: int
) -> Line | Refusal:
    """Return the line to go on with what was left in this state, by the newest that reads it.

    Refusals: those of `line_to`, `provider_state_unread`.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, provider)
    return await _reading(payments, tenant, provider, account, [state])


async def _reading(
    payments: Payments,
    tenant: TenantRef,
    provider: str,
    account: Account | None,
    states: Sequence[int],
) -> Line | Refusal:
    plugin = payments.plugins.reader(provider, states)
    if plugin is None and payments.plugins.provider(provider) is not None:
        log.error("provider_state_unread", tenant=tenant.slug, provider=provider, states=states)
        return STATE_UNREAD
    return await line_by(
        payments, tenant, None if plugin is None or account is None else (plugin, account)
    )


async def line_to(payments: Payments, tenant: TenantRef, provider: str) -> Line | Refusal:
    """Return the provider as this tenant uses it, switched on or not.

    Refusals: `unknown_provider`, `sandbox_refused`, `provider_resting` where safe mode keeps its
    plugin from running, and `settings_unread` where its settings are not for it. Refunds, webhooks
    and looks at old payments go on when an account is switched off.
    """
    return await line_by(payments, tenant, await _account(payments, tenant, provider))


async def line_by(
    payments: Payments, tenant: TenantRef, found: tuple[PaymentProvider, Account] | None
) -> Line | Refusal:
    """Return how to call this version of a provider; refusals are those of `line_to`."""
    if found is None:
        return NO_PROVIDER
    plugin, account = found
    if isinstance(plugin, Withheld):
        return PROVIDER_RESTING
    if plugin.manifest.sandbox and tenant.mode != "test":
        return SANDBOX_REFUSED
    safe = await safe_of(payments, tenant)
    if (problem := safe.problem(account, plugin.manifest)) is not None:
        log.error("settings_unread", tenant=tenant.slug, provider=account.id, why=problem.detail)
        return SETTINGS_UNREAD
    settings = safe.read(account, plugin.manifest).whole
    return Line(plugin, context(payments, tenant, plugin.manifest, settings), account.since)


async def line_for_sale(payments: Payments, tenant: TenantRef, provider: str) -> Line | Refusal:
    """Return the provider for a new payment; one that is switched off is unknown.

    Refusals: those of `line_to`, and `provider_resting` where it did not answer of late.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, provider)
    return await line_of(payments, tenant, provider, account)


async def line_of(
    payments: Payments, tenant: TenantRef, provider: str, account: Account | None
) -> Line | Refusal:
    """Return what `line_for_sale` does, where the account was read along with something else."""
    plugin = payments.plugins.provider(provider)
    if plugin is None or account is None or not account.enabled:
        return NO_PROVIDER
    if not payments.rates.of((tenant.schema, provider)).allows():
        return PROVIDER_RESTING
    return await line_by(payments, tenant, (plugin, account))


def context(
    payments: Payments, tenant: TenantRef, manifest: Manifest, settings: Mapping[str, Any]
) -> Context:
    """Return what a plugin knows on each call."""
    return Context(
        tenant=tenant.slug,
        mode=tenant.mode,
        settings=settings,
        now=payments.clock.now(),
        webhook_url=f"{payments.url.rstrip('/')}/v1/webhooks/{tenant.slug}/{manifest.id}",
        http=Outbound(payments.egress, manifest, settings, tenant.id, keep=True),
    )


def names_of(account: Account) -> tuple[str, ...]:
    """Return the provider's names of whose account it is; none where it did not say yet."""
    return msgspec.json.decode(account.merchant, type=tuple[str, ...])


async def list_providers(payments: Payments, tenant: TenantRef) -> list[ProviderView]:
    """Return the tenant's accounts at providers, without secrets."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.accounts(tx.driver)
    safe = await safe_of(payments, tenant)
    return [_shown(payments, safe, account) for account in found]


def _shown(payments: Payments, safe: Safe, account: Account) -> ProviderView:
    plugin = payments.plugins.provider(account.id)
    plain: Mapping[str, Any] = msgspec.json.decode(account.settings)
    secrets: Mapping[str, Any] = safe.open(account)
    problem = None
    if plugin is not None:
        plain, secrets, _ = safe.read(account, plugin.manifest)
        problem = safe.problem(account, plugin.manifest)
    return ProviderView(
        id=account.id,
        enabled=account.enabled,
        settings=plain,
        secrets_set=tuple(sorted(secrets)),
        changed_at=account.changed_at,
        problem=None if problem is None else problem.detail,
        merchant=names_of(account),
        fixed=account.fixed_as is not None,
    )


async def get_provider(
    payments: Payments, tenant: TenantRef, provider: str
) -> ProviderView | Refusal:
    """Return one account, or `unknown_provider`."""
    views = [one for one in await list_providers(payments, tenant) if one.id == provider]
    return views[0] if views else NO_PROVIDER


async def _account(
    payments: Payments, tenant: TenantRef, provider: str
) -> tuple[PaymentProvider, Account] | None:
    plugin = payments.plugins.provider(provider)
    if plugin is None:
        return None
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, provider)
    return None if account is None else (plugin, account)
