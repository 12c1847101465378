"""Find a tenant's account at a provider, ready to call, and configure it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import inbox
from guildbank.payments.contracts import NO_PROVIDER, SANDBOX_REFUSED
from guildbank.payments.plugins import check_settings
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import Context, Manifest, PaymentProvider

SUSPENDED = Refusal(
    code="tenant_suspended",
    detail="The tenant is suspended: it can be read but takes no writes until it is resumed.",
)


class Line(msgspec.Struct, frozen=True):
    """A provider with the context to call it in."""

    plugin: PaymentProvider
    context: Context

    @property
    def manifest(self) -> Manifest:
        """The plugin's manifest."""
        return self.plugin.manifest


class ProviderView(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's account at a provider, without its secrets."""

    id: str
    enabled: bool
    settings: Mapping[str, Any]
    secrets_set: tuple[str, ...]
    changed_at: datetime


async def line_to(payments: Payments, tenant: TenantRef, provider: str) -> Line | Refusal:
    """Return the provider as this tenant uses it, switched on or not.

    Refusals: `unknown_provider`, `sandbox_refused`. Refunds, webhooks and looks at old payments
    go on when an account is switched off.
    """
    found = await _account(payments, tenant, provider)
    if found is None:
        return NO_PROVIDER
    plugin, account = found
    if plugin.manifest.sandbox and tenant.mode != "test":
        return SANDBOX_REFUSED
    settings = {**msgspec.json.decode(account.settings), **await _open(payments, tenant, account)}
    return Line(plugin, context(payments, tenant, provider, settings))


async def line_for_sale(payments: Payments, tenant: TenantRef, provider: str) -> Line | Refusal:
    """Return the provider for a new payment; one that is switched off is unknown."""
    found = await _account(payments, tenant, provider)
    if found is not None and not found[1].enabled:
        return NO_PROVIDER
    return await line_to(payments, tenant, provider)


def context(
    payments: Payments, tenant: TenantRef, plugin_id: str, settings: Mapping[str, Any]
) -> Context:
    """Return what a plugin knows on each call."""
    return Context(
        tenant=tenant.slug,
        mode=tenant.mode,
        settings=settings,
        now=payments.clock.now(),
        webhook_url=f"{payments.url.rstrip('/')}/v1/webhooks/{tenant.slug}/{plugin_id}",
    )


async def configure_provider(
    payments: Payments, tenant: TenantRef, provider: str, given: Mapping[str, Any], *, enabled: bool
) -> ProviderView | Refusal:
    """Set the tenant's account at a provider. Secrets that are left out stay as they are.

    Refusals: `unknown_provider`, `sandbox_refused`, `invalid_settings`, `tenant_suspended`.
    """
    plugin = payments.plugins.provider(provider)
    if plugin is None:
        return NO_PROVIDER
    manifest = plugin.manifest
    if manifest.sandbox and tenant.mode != "test":
        return SANDBOX_REFUSED
    if tenant.state != "active":
        return SUSPENDED
    settings = dict(given)
    found = await _account(payments, tenant, provider)
    if found is not None:
        for name, secret in (await _open(payments, tenant, found[1])).items():
            settings.setdefault(name, secret)
    if (wrong := check_settings(manifest, settings)) is not None:
        return wrong
    secrets = {name: settings.pop(name) for name in manifest.secret_fields if name in settings}
    sealed = await _seal(payments, tenant, provider, secrets)
    async with payments.db.begin(tenant.schema) as tx:
        await inbox.save_account(
            tx.driver, provider, enabled=enabled, sealed=sealed, now=payments.clock.now(),
            settings=msgspec.json.encode(settings).decode(),
        )  # fmt: skip
    return ProviderView(
        id=provider,
        enabled=enabled,
        settings=settings,
        secrets_set=tuple(sorted(secrets)),
        changed_at=payments.clock.now(),
    )


async def list_providers(payments: Payments, tenant: TenantRef) -> list[ProviderView]:
    """Return the tenant's accounts at providers, without secrets."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await inbox.accounts(tx.driver)
    return [
        ProviderView(
            id=account.id,
            enabled=account.enabled,
            settings=msgspec.json.decode(account.settings),
            secrets_set=tuple(sorted(await _open(payments, tenant, account))),
            changed_at=account.changed_at,
        )
        for account in found
    ]


async def get_provider(
    payments: Payments, tenant: TenantRef, provider: str
) -> ProviderView | Refusal:
    """Return one account, or `unknown_provider`."""
    views = [one for one in await list_providers(payments, tenant) if one.id == provider]
    return views[0] if views else NO_PROVIDER


async def _account(
    payments: Payments, tenant: TenantRef, provider: str
) -> tuple[PaymentProvider, inbox.Account] | None:
    plugin = payments.plugins.provider(provider)
    if plugin is None:
        return None
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await inbox.account_of(tx.driver, provider)
    return None if account is None else (plugin, account)


def _place(tenant: TenantRef, provider: str) -> bytes:
    return f"payments_provider.sealed:{tenant.id}:{provider}".encode()


async def _seal(
    payments: Payments, tenant: TenantRef, provider: str, secrets: Mapping[str, Any]
) -> bytes:
    key = await payments.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} has no data key")
    return key.seal(_place(tenant, provider), msgspec.json.encode(secrets))


async def _open(payments: Payments, tenant: TenantRef, account: inbox.Account) -> dict[str, Any]:
    key = await payments.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} has no data key")
    opened = key.open(_place(tenant, account.id), account.sealed)
    return msgspec.json.decode(opened, type=dict[str, Any])
