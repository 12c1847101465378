"""Set a tenant's account at a provider: its settings, and credentials of whose account it is."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from guildbank.approvals import gate, waits_for
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_PROVIDER, SANDBOX_REFUSED
from guildbank.payments.contracts.rows import PROVIDER_CONFIGURED, Account
from guildbank.payments.store import ACCOUNTS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import SYSTEM, ProviderView, get_provider
from guildbank.payments.usecases.stored_settings import Safe, safe_of
from guildbank.payments.usecases.whose_account import (
    NOT_ASKED,
    Word,
    ask_whose,
    merchant_of,
    moved_from,
    write_names,
)
from guildbank.plugin_api import ChecksSettings, Manifest
from guildbank.plugin_host import (
    Stored,
    merge_settings,
    own_problems,
    refused_by_mode,
    refused_place,
    words_of,
)

log = structlog.get_logger(__name__)


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of an account that was set: `version` is the plugin's, secrets are named alone."""

    provider: str
    version: str
    enabled: bool
    settings: Mapping[str, Any]
    secrets_set: Sequence[str]
    secrets_kept: Sequence[str]


class ConfigureProvider(Act):
    """Set where the money goes. The entry tells all but the secrets; of these it names the new.

    Secrets that are left out stay, so the row is read, merged and sealed again under the lock.
    `word` is what the provider said before that of whose credentials these are.
    """

    verb = "payments.configure_provider"
    __slots__ = ("enabled", "given", "manifest", "safe", "word")

    def __init__(
        self,
        principal: str,
        manifest: Manifest,
        safe: Safe,
        given: Mapping[str, Any],
        enabled: bool,
        word: Word = NOT_ASKED,
    ) -> None:
        super().__init__(principal)
        self.word = word
        self.manifest = manifest
        self.safe = safe
        self.given = given
        self.enabled = enabled

    def needs(self, stage: Stage) -> list[Need]:
        """Return the account as it stands."""
        return [(ACCOUNTS, self.manifest.id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Save the account.

        Refusals: `invalid_settings`, `no_change`, and of one that was used `account_fixed`,
        `merchant_unknown`, `account_changed`.
        """
        known = stage.get(ACCOUNTS, self.manifest.id)
        stored = None if known is None else self.safe.read(known, self.manifest)
        if (moved := moved_from(self.manifest, known, stored, self.given)) is not None:
            return moved
        plain, secrets = (None, None) if stored is None else stored[:2]
        merged = merge_settings(self.manifest, self.given, plain, secrets)
        if isinstance(merged, Refusal):
            return merged
        as_written = known is not None and stored is not None and stored.as_written
        if known and as_written and merged.same and known.enabled == self.enabled:
            return NO_CHANGE
        merchant = merchant_of(self.manifest, known, stored, merged, self.word)
        if isinstance(merchant, Refusal):
            return merchant
        sealed = known.sealed if known and as_written and merged.same_secrets else None
        account = Account(
            id=self.manifest.id, enabled=self.enabled, settings=facts(merged.plain).decode(),
            sealed=sealed or self.safe.seal(self.manifest.id, merged.secrets),
            created_at=stage.now if known is None else known.created_at, changed_at=stage.now,
            version=self.manifest.version, merchant=write_names(merchant),
            fixed_as=None if known is None else known.fixed_as,
        )  # fmt: skip
        stage.put(ACCOUNTS, account.id, account)
        done = Configured(
            provider=account.id, version=self.manifest.version, enabled=self.enabled,
            settings=merged.plain, secrets_set=merged.secrets_set,
            secrets_kept=merged.secrets_kept,
        )  # fmt: skip
        was = None
        if known is not None:
            settings = msgspec.json.decode(known.settings)
            was = {"enabled": known.enabled, "settings": settings}
        return Draft(PROVIDER_CONFIGURED, facts(done), before=was)


async def configure_provider(
    payments: Payments,
    tenant: TenantRef,
    provider: str,
    given: Mapping[str, Any],
    *,
    enabled: bool,
    principal: str = SYSTEM,
) -> ProviderView | Refusal:
    """Set the tenant's account at a provider. Secrets that are left out stay as they are.

    Refusals: `unknown_provider`, `sandbox_refused`, `invalid_settings`, `tenant_suspended`, and
    where the account was used `account_fixed`, `merchant_unknown`, `account_changed`.
    Raises Unavailable.
    """
    wanted = StoredAccount(provider, given, enabled)
    act = await configuring(payments, tenant, principal, wanted, places=True)
    if isinstance(act, Refusal):
        return act
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal) and outcome.code != NO_CHANGE.code:
        return outcome
    return await get_provider(payments, tenant, provider)


class StoredAccount(msgspec.Struct, frozen=True):
    """An account as it is to be set; those of its settings that are `secrets` are never shown."""

    provider: str
    settings: Mapping[str, Any]
    enabled: bool
    secrets: tuple[str, ...] = ()


async def configure_or_store(
    payments: Payments, tenant: TenantRef, principal: str, wanted: StoredAccount
) -> ProviderView | Outcome:
    """Return what `configure_provider` does, or the outcome of a command that waits."""
    act = await configuring(payments, tenant, principal, wanted, places=True)
    if isinstance(act, Refusal):
        return act
    names = act.manifest.secret_fields
    stored = msgspec.structs.replace(
        wanted, secrets=tuple(sorted(name for name in wanted.settings if name in names))
    )
    gated = await gate(payments.four_eyes, tenant, act, act.verb, stored)
    outcome = await payments.journal.submit(tenant.schema, gated)
    waits = waits_for(outcome) is not None
    if waits or (isinstance(outcome, Refusal) and outcome.code != NO_CHANGE.code):
        return outcome
    return await get_provider(payments, tenant, wanted.provider)


async def configuring(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    wanted: StoredAccount,
    *,
    places: bool = False,
) -> ConfigureProvider | Refusal:
    """Return the act that sets an account; with `places` it is asked where addresses lead.

    One that waited was asked before, and a host's command may be let to other places.

    Refusals: `unknown_provider`, `sandbox_refused`, `invalid_settings` (of the other mode, an
    address that may not be called, or what the plugin itself finds wrong), `account_fixed`.
    """
    plugin = payments.plugins.provider(wanted.provider)
    if plugin is None:
        return NO_PROVIDER
    manifest = plugin.manifest
    if manifest.sandbox and tenant.mode != "test":
        return SANDBOX_REFUSED
    # A tenant's mode never changes, so what is stored was allowed and stays so.
    refused = refused_by_mode(manifest, tenant.mode, wanted.settings)
    if refused is None and places:
        refused = await refused_place(payments.egress, manifest, wanted.settings, tenant.id)
    if refused is not None:
        return refused
    safe = await safe_of(payments, tenant)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        account = await store.account_at(tx.driver, manifest.id)
    stored = None if account is None else safe.read(account, manifest)
    # First, for it says more than that secrets have to be sent again.
    if (moved := moved_from(manifest, account, stored, wanted.settings)) is not None:
        return moved
    if isinstance(plugin, ChecksSettings):
        refused = await _own_check(plugin, manifest, stored, wanted)
        if refused is not None:
            return refused
    known = None if account is None or stored is None else (account, stored)
    word = await ask_whose(payments, tenant, plugin, known, wanted.settings)
    return ConfigureProvider(principal, manifest, safe, wanted.settings, wanted.enabled, word)


async def _own_check(
    plugin: ChecksSettings, manifest: Manifest, stored: Stored | None, wanted: StoredAccount
) -> Refusal | None:
    """Return what the plugin finds wrong, asked before the lock: no plugin runs under it.

    Of two changes at once each is checked beside what stood before both.
    """
    plain, secrets = (None, None) if stored is None else stored[:2]
    merged = merge_settings(manifest, wanted.settings, plain, secrets)
    if isinstance(merged, Refusal):
        return merged
    try:
        found = await own_problems(plugin, merged.whole)
    except Exception as error:  # settings that their own plugin cannot judge are not saved
        said = words_of(error, manifest, merged.whole)
        log.warning("settings_not_checked", plugin=manifest.id, error=said)
        detail = f"The plugin could not check the settings: {said}"
        return Refusal(code="invalid_settings", detail=detail, field="settings")
    for problem in found:
        field = f"settings.{problem.field[:80]}"
        return Refusal(code="invalid_settings", detail=problem.detail[:500], field=field)
    return None
