"""Set up an identity provider for a tenant; secrets go in and never come out."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from guildbank.identity.contracts.external import (
    NO_SUCH_PLUGIN,
    PROVIDER_NOT_SET_UP,
    ConfiguredProvider,
    OfferedProvider,
    ProviderAccount,
)
from guildbank.identity.store import providers as store
from guildbank.identity.store.providers import PROVIDERS
from guildbank.identity.usecases.external import (
    ExternalSignIn,
    Safe,
    open_secrets,
    secrets_place,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import merge_settings

PROVIDER_CONFIGURED = "identity.provider_configured"
_SAME = Refusal(code="no_change", detail="The settings are these already.")


class ConfigureProvider(Act):
    """Sets the tenant's settings of a provider. The entry tells all but the secrets.

    Secrets that are left out stay, so the row is read, merged and sealed again under the lock.
    """

    verb: ClassVar[str] = "identity.configure_provider"
    __slots__ = ("enabled", "given", "manifest", "safe")

    def __init__(
        self,
        principal: str,
        manifest: Manifest,
        safe: Safe,
        given: Mapping[str, Any],
        enabled: bool,
    ) -> None:
        super().__init__(principal)
        self.manifest = manifest
        self.safe = safe
        self.given = given
        self.enabled = enabled

    def needs(self, stage: Stage) -> list[Need]:
        """Name the settings as they stand."""
        return [(PROVIDERS, self.manifest.id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Save the settings. Refusals: `invalid_settings`, `no_change`."""
        known = stage.get(PROVIDERS, self.manifest.id)
        before = None if known is None else msgspec.json.decode(known.settings)
        stored = None if known is None else open_secrets(self.safe, known)
        merged = merge_settings(self.manifest, self.given, before, stored)
        if isinstance(merged, Refusal):
            return merged
        if known is not None and merged.same and known.enabled == self.enabled:
            return _SAME
        account = ProviderAccount(
            id=self.manifest.id,
            enabled=self.enabled,
            settings=facts(merged.plain).decode(),
            sealed=self.safe.seal(secrets_place(self.manifest.id), merged.secrets),
            created_at=stage.now if known is None else known.created_at,
            changed_at=stage.now,
        )
        stage.put(PROVIDERS, account.id, account)
        told = {
            "provider": account.id,
            "version": self.manifest.version,
            "enabled": self.enabled,
            "settings": merged.plain,
            "secretsSet": merged.secrets_set,
            "secretsKept": merged.secrets_kept,
        }
        was = None if known is None else {"enabled": known.enabled, "settings": before}
        return Draft(PROVIDER_CONFIGURED, facts(told), before=was)


async def configure_provider(
    external: ExternalSignIn,
    tenant: TenantRef,
    provider: str,
    given: Mapping[str, Any],
    *,
    enabled: bool,
    principal: str,
) -> ConfiguredProvider | Refusal:
    """Set the tenant's settings of a provider. Secrets that are left out stay as they are.

    Every worker goes by them within a second. Refusals: `not_found` (no such plugin),
    `invalid_settings`, `tenant_suspended`. Raises Unavailable.
    """
    manifest = external.manifest(tenant, provider)
    if manifest is None:
        return NO_SUCH_PLUGIN
    safe = await external.safe(tenant)
    act = ConfigureProvider(principal, manifest, safe, given, enabled)
    outcome = await external.identity.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal) and outcome.code != _SAME.code:
        return outcome
    external.forget(tenant)
    return await get_provider(external, tenant, provider)


async def list_providers(external: ExternalSignIn, tenant: TenantRef) -> list[ConfiguredProvider]:
    """Return what the tenant set up and is installed, without secrets, in the order of ids."""
    async with external.identity.db.begin(tenant.schema, read_only=True) as tx:
        accounts = await store.all_providers(tx.driver)
    safe = await external.safe(tenant)
    shown = [
        (account, external.manifest(tenant, account.id), open_secrets(safe, account))
        for account in accounts
    ]
    return [
        _shown(external, tenant, account, manifest, set(secrets))
        for account, manifest, secrets in shown
        if manifest is not None
    ]


async def get_provider(
    external: ExternalSignIn, tenant: TenantRef, provider: str
) -> ConfiguredProvider | Refusal:
    """Return the settings of one provider without secrets, or `not_found`."""
    for one in await list_providers(external, tenant):
        if one.id == provider:
            return one
    return PROVIDER_NOT_SET_UP


async def offered_providers(external: ExternalSignIn, tenant: TenantRef) -> list[OfferedProvider]:
    """Return what a client of the tenant may show: the providers that are switched on."""
    setup = await external.setup(tenant)
    found = [(one, external.manifest(tenant, one.id)) for one in setup.accounts.values()]
    return [
        OfferedProvider(
            id=account.id,
            title=manifest.title,
            redirecting="redirecting" in manifest.capabilities,
            asserting="asserting" in manifest.capabilities,
        )
        for account, manifest in found
        if account.enabled and manifest is not None
    ]


def _shown(
    external: ExternalSignIn,
    tenant: TenantRef,
    account: ProviderAccount,
    manifest: Manifest,
    present: set[str],
) -> ConfiguredProvider:
    redirecting = "redirecting" in manifest.capabilities
    return ConfiguredProvider(
        id=account.id,
        title=manifest.title,
        enabled=account.enabled,
        settings=msgspec.json.decode(account.settings),
        secrets_set=sorted(present),
        secrets_missing=sorted(manifest.secret_fields - present),
        callback_url=external.callback_url(tenant, account.id) if redirecting else None,
        changed_at=account.changed_at,
    )
