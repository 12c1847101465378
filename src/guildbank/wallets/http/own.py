"""Routes by which players see themselves: their profile and the coins of the default currency."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

import msgspec
from litestar import get, patch

from guildbank.identity import Identity, change_profile, get_profile
from guildbank.infra.http import (
    Body,
    CountryCode,
    JSONBody,
    LanguageTag,
    Service,
    View,
    Who,
    a_player,
    granted,
    read_country,
)
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.ledger import CurrencyBalance, read_balances
from guildbank.tenancy import Tenancy
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.default_currency import default_currency

TAGS: Sequence[str] = ["Accounts"]
Unset = msgspec.UnsetType


class OwnProfileBody(Body):
    """What a player changes. A country is named once; later changes go through support."""

    __example__: ClassVar = {"locale": "en", "country": "DE"}

    locale: LanguageTag | Unset | None = msgspec.UNSET
    country: CountryCode | Unset = msgspec.UNSET


class CoinsView(View):
    """Coins of one currency: all of them, and those that can be spent now."""

    __example__: ClassVar = {"total": 250, "available": 220}

    currency: str
    total: int
    available: int


class ProfileView(View):
    """What is known of the player. `balance` is of the default currency, null without one."""

    __example__: ClassVar = {
        "userId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "username": "alice",
        "email": "alice@example.com",
        "emailConfirmed": True,
        "state": "active",
        "locale": "en",
        "country": "DE",
        "ageConfirmedAt": None,
        "balance": 250,
    }

    user_id: str
    username: str | None
    email: str | None
    email_confirmed: bool
    state: str
    locale: str | None
    country: str | None
    age_confirmed_at: datetime | None
    created_at: datetime
    balance: int | None
    balances: Sequence[CoinsView]


class AccountCurrencyView(View):
    """How many coins of the tenant's default currency the player has."""

    __example__: ClassVar = {
        "userId": "player_01kag3pyqmf9aag12vtrsy70ps",
        "currencyBalance": 250,
    }

    user_id: str
    currency: str
    currency_balance: int


@get(["/profile", "/v1/profile"], guards=[a_player], tags=TAGS, summary="Read one's profile")
async def profile(
    identity: Service[Identity],
    wallets: Service[Wallets],
    tenancy: Service[Tenancy],
    caller: Who,
) -> ProfileView:
    """Return what is known of the player, with the coins of every currency."""
    return await _profile(identity, wallets, tenancy, caller.home, caller.principal)


@patch(["/profile", "/v1/profile"], guards=[a_player], tags=TAGS, summary="Change one's profile")
async def change_own(
    identity: Service[Identity],
    wallets: Service[Wallets],
    tenancy: Service[Tenancy],
    caller: Who,
    data: JSONBody[OwnProfileBody],
) -> ProfileView:
    """Change the language, or name the country of the player who asks; the country only once."""
    given: dict[str, str | None] = {}
    if not isinstance(data.locale, Unset):
        given["locale"] = data.locale
    if not isinstance(data.country, Unset):
        given["country"] = granted(read_country(data.country))
    granted(await change_profile(identity, caller.home, caller.principal, given))
    return await _profile(identity, wallets, tenancy, caller.home, caller.principal)


async def _profile(
    identity: Identity, wallets: Wallets, tenancy: Tenancy, home: TenantRef, player: str
) -> ProfileView:
    known = granted(await get_profile(identity, home, player))
    coins = granted(await read_balances(wallets.db, home.schema, player)).currencies
    default = await default_currency(wallets.db, tenancy.tenants, home)
    balance = None if isinstance(default, Refusal) else total(coins, default.code)
    return ProfileView(
        user_id=known.player_id,
        balance=balance,
        balances=[CoinsView(one.currency, one.total, one.available or 0) for one in coins],
        **{
            name: value
            for name, value in msgspec.structs.asdict(known).items()
            if name != "player_id"
        },
    )


@get(
    ["/account/currency", "/v1/account/currency"],
    guards=[a_player],
    tags=TAGS,
    summary="Read one's coins",
)
async def account_currency(
    wallets: Service[Wallets], tenancy: Service[Tenancy], caller: Who
) -> AccountCurrencyView:
    """Return how many coins of the default currency the player has."""
    currency = granted(await default_currency(wallets.db, tenancy.tenants, caller.home))
    coins = granted(await read_balances(wallets.db, caller.home.schema, caller.principal))
    return AccountCurrencyView(
        user_id=caller.principal,
        currency=currency.code,
        currency_balance=total(coins.currencies, currency.code),
    )


def total(coins: Sequence[CurrencyBalance], currency: str) -> int:
    """Return how many coins of the currency there are in all buckets."""
    return sum(one.total for one in coins if one.currency == currency)


ROUTES = (profile, change_own, account_currency)
