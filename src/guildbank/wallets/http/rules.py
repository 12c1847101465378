"""Routes of a wallet's rules: freezes, limits, and the currencies themselves."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec
from litestar import get, patch, post, put
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.infra.http import (
    After,
    Amount,
    Body,
    JSONBody,
    Limit,
    Line,
    OptionalIdempotencyKey,
    Page,
    Reason,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.kernel import MAX_AMOUNT
from guildbank.wallets.contracts import DEFAULT_ORDER, Bucket, Currency, Freeze, SetLimit
from guildbank.wallets.http.bodies import CurrencyCode
from guildbank.wallets.http.views import RuleView, rule_view
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.currency import SaveCurrencyAct
from guildbank.wallets.usecases.operate import Request, operate
from guildbank.wallets.usecases.read import get_currency, list_currencies

READ, WRITE, FREEZE, LIMIT = (
    "currencies:read",
    "currencies:write",
    "wallets:freeze",
    "wallets:limit",
)
TAGS: Sequence[str] = ["Wallets"]
CURRENCY_TAGS: Sequence[str] = ["Currencies"]
Parts = Service[Wallets]
PlayerPath = Annotated[str, PathParameter(description="The player's id.", max_length=90)]
CodePath = Annotated[str, PathParameter(description="The currency's code.", max_length=16)]
Order = Annotated[
    list[Bucket],
    Meta(min_length=3, max_length=3, description="Paid, free and bonus, in order of consumption."),
]
Ceiling = Annotated[
    int, Meta(ge=1, le=MAX_AMOUNT, description="The most that one bucket of a player may hold.")
]


class FreezeBody(Body):
    """Which wallet, and why."""

    currency: CurrencyCode
    reason: Reason


class LimitBody(Body):
    """What may be spent per UTC day; null for no limit."""

    currency: CurrencyCode
    per_day: Amount | None


class CurrencyBody(Body):
    """A new currency. Without an order free coins go first, then bonus, then paid."""

    __example__: ClassVar = {
        "name": "Gems",
        "order": ["paid", "bonus", "free"],
        "ceiling": None,
    }

    code: CurrencyCode
    name: Line
    order: Order | None = None
    ceiling: Ceiling | None = None


class CurrencyPatch(Body):
    """What to change; what is left out stays. An inactive currency takes no new coins."""

    __example__: ClassVar = {
        "name": "Gems",
        "order": ["paid", "bonus", "free"],
        "ceiling": 1000000,
    }

    name: Line | msgspec.UnsetType = msgspec.UNSET
    order: Order | msgspec.UnsetType = msgspec.UNSET
    ceiling: Ceiling | msgspec.UnsetType | None = msgspec.UNSET
    active: bool | msgspec.UnsetType = msgspec.UNSET


class CurrencyView(View):
    """A currency of the game."""

    __example__: ClassVar = {
        "code": "GEM",
        "order": ["paid", "bonus", "free"],
        "ceiling": None,
    }

    code: str
    name: str
    order: Sequence[Bucket]
    ceiling: int | None
    active: bool


@post(
    "/v1/players/{player_id:str}/freeze",
    guards=[scope(FREEZE)],
    tags=TAGS,
    summary="Freeze a wallet",
)
async def freeze(
    wallets: Parts,
    caller: Who,
    idempotency_key: OptionalIdempotencyKey,
    player_id: PlayerPath,
    data: JSONBody[FreezeBody],
) -> RuleView:
    """Stop spends and holds of a player's currency. Credits and claw-backs still post."""
    return await _freeze(wallets, caller, idempotency_key, player_id, data, frozen=True)


@post(
    "/v1/players/{player_id:str}/unfreeze",
    guards=[scope(FREEZE)],
    tags=TAGS,
    summary="Unfreeze a wallet",
)
async def unfreeze(
    wallets: Parts,
    caller: Who,
    idempotency_key: OptionalIdempotencyKey,
    player_id: PlayerPath,
    data: JSONBody[FreezeBody],
) -> RuleView:
    """Allow spends and holds again."""
    return await _freeze(wallets, caller, idempotency_key, player_id, data, frozen=False)


async def _freeze(
    wallets: Wallets,
    caller: Who,
    key: str | None,
    player_id: str,
    data: FreezeBody,
    *,
    frozen: bool,
) -> RuleView:
    operation = Freeze(player_id, data.currency, frozen)
    request = Request(operation, key, {"reason": data.reason})
    return rule_view(granted(await operate(wallets, caller.home, caller.principal, request)))


@put(
    "/v1/players/{player_id:str}/limits",
    guards=[scope(LIMIT)],
    tags=TAGS,
    summary="Limit a player's spending",
)
async def set_limit(
    wallets: Parts, caller: Who, player_id: PlayerPath, data: JSONBody[LimitBody]
) -> RuleView:
    """Limit what a player may spend of a currency per UTC day, holds included."""
    request = Request(SetLimit(player_id, data.currency, data.per_day), None)
    return rule_view(granted(await operate(wallets, caller.home, caller.principal, request)))


@post("/v1/currencies", guards=[scope(WRITE)], tags=CURRENCY_TAGS, summary="Create a currency")
async def create_currency(
    wallets: Parts,
    caller: Who,
    idempotency_key: OptionalIdempotencyKey,
    data: JSONBody[CurrencyBody],
) -> CurrencyView:
    """Create a currency. Its code is its identity and never changes."""
    order = tuple(data.order) if data.order else DEFAULT_ORDER
    currency = Currency(code=data.code, name=data.name, order=order, ceiling=data.ceiling)
    act = SaveCurrencyAct(caller.principal, idempotency_key, currency, create=True)
    granted(await wallets.journal.submit(caller.home.schema, act))
    return _view(currency)


@get("/v1/currencies", guards=[scope(READ)], tags=CURRENCY_TAGS, summary="List currencies")
async def list_all(
    wallets: Parts, caller: Who, limit: Limit = 50, after: After = None
) -> Page[CurrencyView]:
    """List currencies in order of their codes."""
    position = decode_cursor(after, [str])
    start = str(position[0]) if position else ""
    found = await list_currencies(wallets, caller.home, start, limit + 1)
    more = encode_cursor([found[limit - 1].code]) if len(found) > limit else None
    return Page([_view(one) for one in found[:limit]], more)


@get(
    "/v1/currencies/{code:str}", guards=[scope(READ)], tags=CURRENCY_TAGS, summary="Read a currency"
)
async def read_currency(wallets: Parts, caller: Who, code: CodePath) -> CurrencyView:
    """Return a currency."""
    return _view(granted(await get_currency(wallets, caller.home, code)))


@patch(
    "/v1/currencies/{code:str}",
    guards=[scope(WRITE)],
    tags=CURRENCY_TAGS,
    summary="Change a currency",
)
async def change_currency(
    wallets: Parts, caller: Who, code: CodePath, data: JSONBody[CurrencyPatch]
) -> CurrencyView:
    """Change what the body names: name, order, ceiling, or whether it takes new coins."""
    known = granted(await get_currency(wallets, caller.home, code))
    order = known.order if data.order is msgspec.UNSET else tuple(data.order)
    currency = Currency(
        code=code,
        name=known.name if data.name is msgspec.UNSET else data.name,
        order=order,
        ceiling=known.ceiling if data.ceiling is msgspec.UNSET else data.ceiling,
        active=known.active if data.active is msgspec.UNSET else data.active,
    )
    act = SaveCurrencyAct(caller.principal, None, currency, create=False)
    granted(await wallets.journal.submit(caller.home.schema, act))
    return _view(currency)


def _view(one: Currency) -> CurrencyView:
    return CurrencyView(one.code, one.name, one.order, one.ceiling, one.active)


ROUTES = (
    freeze,
    unfreeze,
    set_limit,
    create_currency,
    list_all,
    read_currency,
    change_currency,
)
