"""Ask a provider's plugin what an operator has to know before anybody buys by its settings."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.contracts.refusals import NO_PROVIDER, SANDBOX_REFUSED, TENANT_SUSPENDED
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, context, line_to
from guildbank.payments.usecases.stored_settings import safe_of
from guildbank.payments.usecases.whose_account import name_merchant
from guildbank.plugin_api import SettingProblem
from guildbank.plugin_host import (
    Offered,
    Tried,
    check_field,
    health_of,
    offer_options,
    refused_by_mode,
    settings_of_secrets,
    try_connection,
    unknown_field,
)


class Field(NamedTuple):
    """A setting that a person is at, and all that were filled in so far."""

    name: str
    settings: Mapping[str, Any]


async def try_provider(payments: Payments, tenant: TenantRef, provider: str) -> Tried | Refusal:
    """Return which account answered, or why none did; the account may be switched off.

    Refusals: `tenant_suspended`, and those of `line_to`.
    """
    line = await _stored(payments, tenant, provider)
    if isinstance(line, Refusal):
        return line
    tried = await try_connection(line.plugin, line.manifest, line.context)
    if tried.answered:
        await _learn_whose(payments, tenant, provider)
    return tried


async def _learn_whose(payments: Payments, tenant: TenantRef, provider: str) -> None:
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, provider)
    if account is not None:
        await name_merchant(payments, tenant, account)


async def provider_health(payments: Payments, tenant: TenantRef, provider: str) -> Tried | Refusal:
    """Return whether the plugin can do its work now; refused as `try_provider` is."""
    line = await _stored(payments, tenant, provider)
    if isinstance(line, Refusal):
        return line
    return await health_of(line.plugin, line.manifest, line.context)


async def provider_options(
    payments: Payments, tenant: TenantRef, provider: str, field: Field
) -> Offered | Refusal:
    """Return what a field may be; nothing is saved.

    Stored secrets go along where the settings stay that say where they are sent. Refusals:
    `tenant_suspended`, `unknown_provider`, `sandbox_refused`, `invalid_settings` (the field).
    """
    line = await _begun(payments, tenant, provider, field)
    if isinstance(line, Refusal):
        return line
    return await offer_options(line.plugin, line.manifest, line.context, field.name)


async def check_provider_field(
    payments: Payments, tenant: TenantRef, provider: str, field: Field
) -> list[SettingProblem] | Refusal:
    """Return what is wrong with one field; refused as `provider_options` is."""
    line = await _begun(payments, tenant, provider, field)
    if isinstance(line, Refusal):
        return line
    return await check_field(line.plugin, line.manifest, field.name, line.context.settings)


async def _stored(payments: Payments, tenant: TenantRef, provider: str) -> Line | Refusal:
    if tenant.state != "active":
        return TENANT_SUSPENDED
    return await line_to(payments, tenant, provider)


async def _begun(
    payments: Payments, tenant: TenantRef, provider: str, field: Field
) -> Line | Refusal:
    """Return the provider by settings that are not stored yet."""
    if tenant.state != "active":
        return TENANT_SUSPENDED
    plugin = payments.plugins.provider(provider)
    if plugin is None:
        return NO_PROVIDER
    manifest = plugin.manifest
    if manifest.sandbox and tenant.mode != "test":
        return SANDBOX_REFUSED
    refused = unknown_field(manifest, field.name)
    refused = refused or refused_by_mode(manifest, tenant.mode, field.settings)
    if refused is not None:
        return refused
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, provider)
    settings = dict(field.settings)
    if account is not None:
        stored = (await safe_of(payments, tenant)).read(account, manifest)
        places = [settings_of_secrets(manifest, one) for one in (settings, stored.plain)]
        if msgspec.json.encode(places[0]) == msgspec.json.encode(places[1]):
            settings = {**stored.secrets, **settings}
    return Line(plugin, context(payments, tenant, manifest, settings))
