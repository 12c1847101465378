"""A small app with one route of each kind, so that the edge is tested as a client meets it."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta

from guildbank.infra.config import Settings
from guildbank.infra.http import (
    After,
    Amount,
    Body,
    Caller,
    ClientAddress,
    Code,
    FromPath,
    FromQuery,
    IdempotencyKey,
    JSONBody,
    Limit,
    Line,
    Metadata,
    Money,
    Page,
    Service,
    View,
    Who,
    granted,
    machine_or_self,
    problem,
    read_money,
    scope,
    vouch,
)
from guildbank.infra.http.app import build_app
from guildbank.infra.http.cors import Origins
from guildbank.infra.limits import Limiter, RateLimit
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

FROZEN = Code("account_frozen", 409, "The account is frozen.")
DEMO = TenantRef(id="ten_1", slug="demo", schema="t_demo", mode="test", state="active")


class Item(Body):
    pack_id: Line
    units: Amount


class Grant(Body):
    """Give free coins to a player."""

    player_id: str
    amount: Amount
    note: Line | None = None
    metadata: Metadata = msgspec.field(default_factory=dict)
    price: Money | None = None
    items: Annotated[list[Item], Meta(max_length=3)] = msgspec.field(default_factory=list)


class GrantView(View):
    player_id: str
    amount: Amount
    by: str
    note: str | None = None


class Box:
    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.raises: Exception | None = None


@post("/v1/grants", tags=["Wallets"], guards=[scope("wallets:grant")])
async def create_grant(
    data: JSONBody[Grant], idempotency_key: IdempotencyKey, caller: Who
) -> GrantView:
    """Grant free coins to a player.

    Only free coins can be granted.
    """
    if data.price is not None:
        granted(read_money(data.price))
    if data.amount == 666:
        granted(Refusal(code="account_frozen", detail="Frozen.", extra={"since": 5, "status": 1}))
    return GrantView(
        player_id=data.player_id, amount=data.amount, by=caller.principal, note=data.note
    )


@get("/v1/players/{player_id:str}/grants", tags=["Wallets"], guards=[machine_or_self("read")])
async def list_grants(
    player_id: FromPath[str],
    caller: Who,
    limit: Limit = 50,
    after: After = None,
    currency: FromQuery[str | None] = None,
    fewest: FromQuery[int | None] = None,
) -> Page[GrantView]:
    """List a player's grants."""
    assert caller.home is DEMO
    rows = [GrantView(player_id=player_id, amount=1, by=currency or "-")]
    return Page(rows * min(limit, 2))


@post(
    "/v1/players", tags=["Players"], responses={200: ResponseSpec(GrantView, description="Known")}
)
async def upsert(data: JSONBody[Item]) -> Response[GrantView]:
    """Make or find a player."""
    return Response(GrantView(player_id="p", amount=data.units, by="x"), status_code=200)


@get("/v1/slow", opt={"public": True})
async def slow(box: Service[Box]) -> GrantView:
    """Wait."""
    await box.gate.wait()
    return GrantView(player_id="p", amount=1, by="x")


@post("/v1/fails", opt={"public": True})
async def fails(box: Service[Box]) -> None:
    """Fail."""
    raise box.raises or problem("too_busy", "Later.")


async def authenticate(
    headers: Mapping[str, str], path: str, address: ClientAddress
) -> Caller | Refusal | None:
    bearer = headers.get("authorization")
    if bearer is None:
        return None
    known = {
        "Bearer sk_all": Caller(
            kind="machine",
            principal="app_1",
            tenant=DEMO,
            scopes=frozenset({"wallets:grant", "read"}),
        ),
        "Bearer sk_none": Caller(kind="machine", principal="app_2", tenant=DEMO),
        "Bearer player": Caller(
            kind="player", principal="player_1", tenant=DEMO, player_id="player_1"
        ),
    }
    return known.get(bearer) or Refusal(code="unauthorized", detail="This key is not valid.")


SIGN_IN = RateLimit("sign-in", quota=3, window_seconds=60, per="address", exact=True)
ORDERS = RateLimit("orders", quota=4, window_seconds=60)


@post("/v1/sign-in", opt={"public": True, "limits": (SIGN_IN,)}, status_code=200)
async def sign_in() -> None:
    """Sign in."""


@post("/v1/orders", opt={"limits": (ORDERS,)}, status_code=200)
async def order(caller: Who) -> None:
    """Order."""


@post("/v1/signed", opt={"public": True}, status_code=200)
async def signed(request: Request[Any, Any, Any]) -> None:
    """Take what bears a good signature."""
    if request.headers.get("signature") != "good":
        raise problem("unauthorized", "The signature is not good.")
    vouch(request)


def make(
    box: Box | None = None,
    *,
    limiter: Limiter | None = None,
    origins: Origins | None = None,
    **settings: object,
) -> Litestar:
    return build_app(
        routes=[create_grant, list_grants, upsert, slow, fails, sign_in, order, signed],
        limiter=limiter,
        origins=origins,
        codes=[FROZEN],
        authenticate=authenticate,
        services={"box": box or Box()},
        settings=Settings(**settings),  # type: ignore[arg-type]
    )


def body(**members: object) -> bytes:
    return json.dumps({"playerId": "player_1", "amount": 5, **members}).encode()
