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
    read_account,
    secrets_place,
    unread_account,
)
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import Stored, merge_settings

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
        stored = None if known is None else read_account(self.safe, known, self.manifest)
        plain, secrets = (None, None) if stored is None else (stored.plain, stored.secrets)
        merged = merge_settings(self.manifest, self.given, plain, secrets)
        if isinstance(merged, Refusal):
            return merged
        if known is not None and merged.same and self._changes_nothing(known):
            return _SAME
        account = ProviderAccount(
            id=self.manifest.id,
            enabled=self.enabled,
            settings=facts(merged.plain).decode(),
            sealed=self.safe.seal(secrets_place(self.manifest.id), merged.secrets),
            created_at=stage.now if known is None else known.created_at,
            changed_at=stage.now,
            version=self.manifest.version,
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
        was = None
        if known is not None:
            was = {"enabled": known.enabled, "settings": msgspec.json.decode(known.settings)}
        return Draft(PROVIDER_CONFIGURED, facts(told), before=was)

    def _changes_nothing(self, known: ProviderAccount) -> bool:
        return (known.enabled, known.version) == (self.enabled, self.manifest.version)


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
    refused = await external.providers.refused_place(manifest, given, tenant.id)
    if refused is not None:
        return refused
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
        (account, manifest, read_account(safe, account, manifest))
        for account in accounts
        if (manifest := external.manifest(tenant, account.id)) is not None
    ]
    return [_shown(external, tenant, *one) for one in shown]


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
    stored: Stored,
) -> ConfiguredProvider:
    present = set(stored.secrets)
    redirecting = "redirecting" in manifest.capabilities
    return ConfiguredProvider(
        id=account.id,
        title=manifest.title,
        enabled=account.enabled,
        settings=stored.plain,
        secrets_set=sorted(present),
        secrets_missing=sorted(manifest.secret_fields - present),
        callback_url=external.callback_url(tenant, account.id) if redirecting else None,
        changed_at=account.changed_at,
        problem=unread_account(account, manifest, stored),
    )
