"""Whose account a provider's is: asked of it, compared when credentials change, and kept.

A refund goes to the account that captured, by the credentials of now. So from the first use on the
settings that say whose account it is stay, and only credentials of the same merchant are taken.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, in_lanes
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.contracts.refusals import ACCOUNT_CHANGED, NO_CHANGE
from guildbank.payments.contracts.rows import MERCHANT_NAMED, Account
from guildbank.payments.store import ACCOUNTS
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import context, line_to, names_of
from guildbank.plugin_api import (
    MAX_MERCHANT_NAME,
    MAX_MERCHANT_NAMES,
    MERCHANT,
    Manifest,
    Merchant,
    NamesMerchant,
    PaymentProvider,
)
from guildbank.plugin_host import (
    Merged,
    Stored,
    Withheld,
    merge_settings,
    settings_of_secrets,
    words_of,
)

log = structlog.get_logger(__name__)
INSTEAD = (
    "The account was used, and what was paid there is looked up and given back there. A tenant has "
    "one account with a provider: for another one, open another tenant and switch this one off."
)


class Named(NamedTuple):
    """The names that a provider gave; none of them with a sentence that says why not."""

    names: tuple[str, ...] = ()
    why: str = "The provider was not asked."


class Word(NamedTuple):
    """What a provider says of credentials, before they are saved.

    `new` is of those to be saved and `old` of those in use, where nobody asked before. `at` is when
    the ones in use were saved: of others it says nothing.
    """

    new: Named = Named()
    old: Named = Named()
    at: datetime | None = None


NOT_ASKED = Word()


def write_names(names: tuple[str, ...]) -> str:
    """Return names as they are stored."""
    return msgspec.json.encode(names).decode()


def moved_from(
    manifest: Manifest, known: Account | None, stored: Stored | None, given: Mapping[str, Any]
) -> Refusal | None:
    """Return `account_fixed` for the first setting that would make a used account another one."""
    if known is None or stored is None or known.fixed_as is None:
        return None
    for name in sorted(manifest.account_settings):
        if _moved(manifest, name, stored.plain, given):
            return fixed(name, f"{name} says whose account it is, and does not change.")
    return None


def merchant_of(
    manifest: Manifest,
    known: Account | None,
    stored: Stored | None,
    merged: Merged,
    word: Word,
) -> tuple[str, ...] | Refusal:
    """Return the names to keep of whose account it will be, or why it cannot be.

    Refusals, of an account that was used: `account_fixed` with the field that says so,
    `merchant_unknown`, `account_changed`.
    """
    at = None if known is None else known.changed_at
    # What was said beside other settings than those that stand under the lock is about others.
    said = word.new.names if word.at == at else ()
    if known is None or stored is None:
        return said
    if not _is_of_others(manifest, stored, merged):
        return names_of(known) or said
    if known.fixed_as is None or MERCHANT not in manifest.capabilities:
        return said
    if word.at != at:
        return ACCOUNT_CHANGED
    changed = [*merged.secrets_set, *settings_of_secrets(manifest, merged.plain)]
    first = changed[0] if changed else None
    before = names_of(known) or word.old.names
    if not said:
        return _unknown(first, "these credentials are", word.new.why)
    if not before:
        return _unknown(first, "the stored credentials are", word.old.why)
    if not set(before) & set(said):
        return fixed(first, "These are credentials of another merchant.")
    return said


def _unknown(name: str | None, whose: str, why: str) -> Refusal:
    detail = f"Nobody can say whose {whose}, so those that are stored stay. {why}"
    field = "settings" if name is None else f"settings.{name}"
    return Refusal(code="merchant_unknown", detail=detail[:700], field=field)


def fixed(name: str | None, why: str) -> Refusal:
    """Return the refusal of a change that would make an account another one."""
    field = "settings" if name is None else f"settings.{name}"
    return Refusal(code="account_fixed", detail=f"{why} {INSTEAD}", field=field)


def _moved(
    manifest: Manifest, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> bool:
    """Say whether a setting is another; one that is left out is its schema's default."""
    schema: Mapping[str, Any] = manifest.settings_schema.get("properties", {}).get(name, {})
    default = schema.get("default")
    old, new = before.get(name, default), after.get(name, default)
    return msgspec.json.encode(old) != msgspec.json.encode(new)


def _is_of_others(manifest: Manifest, stored: Stored, merged: Merged) -> bool:
    """Say whether these may be credentials of another merchant than the stored ones."""
    bound = [settings_of_secrets(manifest, one) for one in (stored.plain, merged.plain)]
    return not merged.same_secrets or bound[0] != bound[1]


async def ask_whose(
    payments: Payments,
    tenant: TenantRef,
    plugin: PaymentProvider,
    known: tuple[Account, Stored] | None,
    given: Mapping[str, Any],
) -> Word:
    """Return what the provider says of the credentials, where it can be asked and has to be.

    Outside any transaction and before the lock; what is decided then is decided under it.
    """
    manifest = plugin.manifest
    if MERCHANT not in manifest.capabilities:
        return NOT_ASKED
    account, stored = known or (None, None)
    plain, secrets = (None, None) if stored is None else stored[:2]
    merged = merge_settings(manifest, given, plain, secrets)
    if isinstance(merged, Refusal):
        return NOT_ASKED
    if account is None or stored is None:
        return Word(await _ask(payments, tenant, plugin, merged.whole))
    names, at = names_of(account), account.changed_at
    if names and not _is_of_others(manifest, stored, merged):
        return Word(at=at)
    new = await _ask(payments, tenant, plugin, merged.whole)
    if account.fixed_as is None or names or not new.names:
        return Word(new, at=at)
    return Word(new, await _ask(payments, tenant, plugin, stored.whole), at)


async def _ask(
    payments: Payments, tenant: TenantRef, plugin: PaymentProvider, settings: Mapping[str, Any]
) -> Named:
    """Return the names; whatever the plugin raises, a time-out too, is none."""
    manifest = plugin.manifest
    if isinstance(plugin, Withheld):
        return Named(why="The plugin is not run: the server runs in safe mode.")
    asked = cast("NamesMerchant", plugin).merchant(context(payments, tenant, manifest, settings))
    # Somebody waits for it who saves settings.
    seconds = min(manifest.timeout_seconds, payments.timing.patience_seconds)
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            said: object = await asked
    except Exception as error:  # who did not say whose they are has not said that they fit
        why = words_of(error, manifest, settings)
        if limit.expired():
            why = f"There was no answer within {seconds:g} seconds."
        log.info("merchant_not_named", plugin=manifest.id, why=why)
        return Named(why=why)
    if not isinstance(said, Merchant) or not _is_sound(said):
        log.error("provider_malformed", plugin=manifest.id)
        return Named(why="The plugin's answer names nobody.")
    return Named(said.names)


def _is_sound(said: Merchant) -> bool:
    return 0 < len(said.names) <= MAX_MERCHANT_NAMES and all(
        isinstance(name, str) and 0 < len(name) <= MAX_MERCHANT_NAME and name.isprintable()
        for name in said.names
    )


class NameMerchant(Act):
    """Keep whose account it is, where nobody could say when it was saved."""

    verb = "payments.name_merchant"
    __slots__ = ("at", "names", "provider")

    def __init__(self, provider: str, names: tuple[str, ...], at: datetime) -> None:
        super().__init__(provider_principal(provider))
        self.provider, self.names, self.at = provider, names, at

    def needs(self, stage: Stage) -> list[Need]:
        """Return the account."""
        return [(ACCOUNTS, self.provider)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Keep it, or say `no_change`: it is known, or other credentials were saved since."""
        known = stage.get(ACCOUNTS, self.provider)
        if known is None or known.changed_at != self.at or names_of(known):
            return NO_CHANGE
        named = msgspec.structs.replace(known, merchant=write_names(self.names))
        stage.put(ACCOUNTS, known.id, named)
        return Draft(MERCHANT_NAMED, facts({"provider": known.id, "merchant": self.names}))


async def name_merchants(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Ask providers whose the accounts are that nobody named yet, until the turn is over.

    Returns how many were named.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.accounts(tx.driver)
    works = ((one.id, partial(name_merchant, payments, tenant, one)) for one in found)
    return await in_lanes(turn, works)


async def name_merchant(payments: Payments, tenant: TenantRef, account: Account) -> bool:
    """Ask whose the account is, if nobody named it yet; say whether that is known now."""
    plugin = payments.plugins.provider(account.id)
    if plugin is None or MERCHANT not in plugin.manifest.capabilities or names_of(account):
        return False
    line = await line_to(payments, tenant, account.id)
    if isinstance(line, Refusal):
        return False
    named = await _ask(payments, tenant, line.plugin, line.context.settings)
    if not named.names:
        return False
    act = NameMerchant(account.id, named.names, account.changed_at)
    return not isinstance(await payments.journal.submit(tenant.schema, act), Refusal)
