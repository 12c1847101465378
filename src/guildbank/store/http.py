"""Routes by which packs are kept and shown."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar

from litestar import get, post, put
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from guildbank.infra.http import (
    After,
    Amount,
    Body,
    CountryCode,
    JSONBody,
    Limit,
    Line,
    Money,
    OptionalIdempotencyKey,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    machine_or_self,
    read_country,
    read_money,
    scope,
    write_money,
)
from guildbank.kernel import MAX_AMOUNT
from guildbank.store.contracts import PACKS, OpenAmount, Pack, PackDraft, Price, Purpose
from guildbank.store.usecases import Store
from guildbank.store.usecases.read_packs import get_pack, list_packs
from guildbank.store.usecases.save_pack import save_pack

Parts = Service[Store]
READ, WRITE = "packs:read", "packs:write"
TAGS: Sequence[str] = ["Packs"]
PackId = Annotated[str, PathParameter(description="The pack's id.", max_length=90)]
CurrencyCode = Annotated[str, Meta(min_length=1, max_length=32, examples=["GEM"])]
Moment = Annotated[datetime, Meta(tz=True, description="With a zone, such as Z.")]


class PriceBody(Body):
    """A price, everywhere or in one country."""

    __example__: ClassVar = {
        "country": None,
    }

    price: Money
    country: CountryCode | None = None


class OpenAmountBody(Body):
    """The player chooses how many coins; the price is for `coins` coins and scales."""

    min_coins: Amount
    max_coins: Amount


class PackBody(Body):
    """A pack. Saving it again makes a new version; what was bought keeps its own."""

    __example__: ClassVar = {
        "name": "100 gems and 10 on top",
        "bonusCoins": 10,
        "activeFrom": None,
        "activeUntil": None,
        "limitPerPlayer": None,
        "openAmount": None,
        "purpose": "packs",
    }

    name: Line
    currency: CurrencyCode
    coins: Amount
    prices: Annotated[list[PriceBody], Meta(min_length=1, max_length=300)]
    bonus_coins: Annotated[int, Meta(ge=0, le=MAX_AMOUNT)] = 0
    active: bool = True
    active_from: Moment | None = None
    active_until: Moment | None = None
    limit_per_player: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    open_amount: OpenAmountBody | None = None
    purpose: Annotated[
        Purpose, Meta(description="The pipeline that its purchases run through.")
    ] = PACKS


class PriceView(View):
    """A price, everywhere or in one country."""

    __example__: ClassVar = {
        "country": None,
    }

    price: Money
    country: str | None


class OpenAmountView(View):
    """How many coins the player may choose."""

    min_coins: int
    max_coins: int


class PackView(View):
    """A version of a pack."""

    __example__: ClassVar = {
        "id": "pack_01kag3pyqmf9aag12vtrsy70ps",
        "name": "100 gems and 10 on top",
        "coins": 100,
        "bonusCoins": 10,
        "activeFrom": None,
        "activeUntil": None,
        "limitPerPlayer": None,
        "openAmount": None,
        "purpose": "packs",
    }

    id: str
    version: int
    name: str
    currency: str
    coins: int
    bonus_coins: int
    prices: Sequence[PriceView]
    active: bool
    active_from: datetime | None
    active_until: datetime | None
    limit_per_player: int | None
    open_amount: OpenAmountView | None
    purpose: Purpose
    saved_at: datetime


@post("/v1/packs", guards=[scope(WRITE)], tags=TAGS, summary="Create a pack")
async def create(
    store: Parts,
    caller: Who,
    data: JSONBody[PackBody],
    idempotency_key: OptionalIdempotencyKey = None,
) -> PackView:
    """Create a coin pack."""
    draft = _draft(data)
    saved = await save_pack(store, caller.home, caller.principal, draft, key=idempotency_key)
    return _view(granted(saved))


@put("/v1/packs/{pack_id:str}", guards=[scope(WRITE)], tags=TAGS, summary="Change a pack")
async def change(store: Parts, caller: Who, pack_id: PackId, data: JSONBody[PackBody]) -> PackView:
    """Save a new version of a pack. Payments begun before keep the version they were made with."""
    draft = _draft(data)
    saved = await save_pack(store, caller.home, caller.principal, draft, pack_id=pack_id)
    return _view(granted(saved))


@get("/v1/packs", guards=[machine_or_self(READ)], tags=TAGS, summary="List packs")
async def list_all(
    store: Parts, caller: Who, limit: Limit = 50, after: After = None
) -> Page[PackView]:
    """List packs as they are sold now, oldest first."""
    position = decode_cursor(after, [str])
    start = str(position[0]) if position else ""
    packs = await list_packs(store, caller.home, start, limit + 1)
    page = packs[:limit]
    more = encode_cursor([page[-1].id]) if len(packs) > limit else None
    return Page([_view(one) for one in page], more)


@get("/v1/packs/{pack_id:str}", guards=[machine_or_self(READ)], tags=TAGS, summary="Read a pack")
async def read(
    store: Parts,
    caller: Who,
    pack_id: PackId,
    version: Annotated[
        int | None, QueryParameter(name="version", ge=1, le=2**31 - 1, description="An older one.")
    ] = None,
) -> PackView:
    """Return a pack as it is sold now, or one version of it."""
    return _view(granted(await get_pack(store, caller.home, pack_id, version)))


def _draft(body: PackBody) -> PackDraft:
    prices = []
    for number, one in enumerate(body.prices):
        money = granted(read_money(one.price, f"prices[{number}].price"))
        country = granted(read_country(one.country, f"prices[{number}].country"))
        prices.append(Price(money.amount_minor, money.currency, country))
    amounts = body.open_amount
    return PackDraft(
        name=body.name,
        currency=body.currency,
        coins=body.coins,
        bonus=body.bonus_coins,
        prices=tuple(prices),
        active=body.active,
        starts_at=body.active_from,
        ends_at=body.active_until,
        limit_per_player=body.limit_per_player,
        open_amount=None if amounts is None else OpenAmount(amounts.min_coins, amounts.max_coins),
        purpose=body.purpose,
    )


def _view(pack: Pack) -> PackView:
    amounts = pack.open_amount
    return PackView(
        id=pack.id,
        version=pack.version,
        name=pack.name,
        currency=pack.currency,
        coins=pack.coins,
        bonus_coins=pack.bonus,
        prices=[
            PriceView(price=write_money(one.amount_minor, one.money), country=one.country)
            for one in pack.prices
        ],
        active=pack.active,
        active_from=pack.starts_at,
        active_until=pack.ends_at,
        limit_per_player=pack.limit_per_player,
        open_amount=None if amounts is None else OpenAmountView(amounts.least, amounts.most),
        purpose=pack.purpose,
        saved_at=pack.saved_at,
    )


ROUTES = (create, change, list_all, read)
