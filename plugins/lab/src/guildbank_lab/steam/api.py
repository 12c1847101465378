"""ISteamMicroTxnSandbox as far as Guildbank calls it.

https://partner.steamgames.com/doc/webapi/ISteamMicroTxn
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request, Response, get, post

from guildbank_lab.effects import KNOWN
from guildbank_lab.steam import wire
from guildbank_lab.steam.desk import EFFECTS, INVALID, NO_ACCOUNT, SteamDesk
from guildbank_lab.steam.records import Account
from guildbank_lab.steam.wire import Failure, Json
from guildbank_lab.switches import (
    DELAY,
    ERROR_AFTER,
    ERROR_BEFORE,
    LOST,
    ON_THE_WIRE,
    SILENCE,
    Place,
)

WebRequest = Request[Any, Any, Any]
Answer = Response[Any]
Given = dict[str, str]
Work = Callable[[Account, Given, str | None], Json]
_BASE = "/ISteamMicroTxnSandbox"
_NO_ANSWER = 504
_MOST_LINES = 10_000
_ERROR = "ERROR_"


@get(f"{_BASE}/GetUserInfo/v2")
async def user_info(request: WebRequest, steam: SteamDesk) -> Answer:
    """Say in which currency a player pays."""

    def work(account: Account, given: Given, effect: str | None) -> Json:
        if not given.get("steamid"):
            raise Failure(NO_ACCOUNT)
        wallet = steam.wallet_of(given["steamid"])
        return {
            "state": wallet.state,
            "country": wallet.country,
            "currency": wallet.currency,
            "status": wallet.status,
        }

    return await _perform(request, steam, "user", work)


@post(f"{_BASE}/InitTxn/v3", status_code=200)
async def begin(request: WebRequest, steam: SteamDesk) -> Answer:
    """Make an order that waits for the player."""

    def work(account: Account, given: Given, effect: str | None) -> Json:
        order = steam.begin(account, given)
        made: Json = {"orderid": order.order_id, "transid": order.trans_id}
        page = f"{steam.url}/checkout/approvetxn/{order.trans_id}/"
        return {**made, "steamurl": page} if order.web else made

    return await _perform(request, steam, "create", work)


@get(f"{_BASE}/QueryTxn/v3")
async def query(request: WebRequest, steam: SteamDesk) -> Answer:
    """Show an order."""

    def work(account: Account, given: Given, effect: str | None) -> Json:
        return wire.order(steam.order(account, given))

    return await _perform(request, steam, "get", work)


@post(f"{_BASE}/FinalizeTxn/v2", status_code=200)
async def finalize(request: WebRequest, steam: SteamDesk) -> Answer:
    """Take the money of an order that the player approved."""

    def work(account: Account, given: Given, effect: str | None) -> Json:
        order = steam.order(account, given)
        steam.finalize(order, effect)
        return {"orderid": order.order_id, "transid": order.trans_id}

    return await _perform(request, steam, "capture", work)


@post(f"{_BASE}/RefundTxn/v2", status_code=200)
async def refund(request: WebRequest, steam: SteamDesk) -> Answer:
    """Give the whole of an order back."""

    def work(account: Account, given: Given, effect: str | None) -> Json:
        order = steam.order(account, given)
        steam.refund(order)
        return {"orderid": order.order_id, "transid": order.trans_id}

    return await _perform(request, steam, "refund", work)


@get(f"{_BASE}/GetReport/v5")
async def report(request: WebRequest, steam: SteamDesk) -> Answer:
    """List what became of orders since a time."""

    def work(account: Account, given: Given, effect: str | None) -> Json:
        kind, most = given.get("type", "GAMESALES"), given.get("maxresults", "1000")
        try:
            since = datetime.fromisoformat(given.get("time", ""))
        except ValueError:
            raise Failure(INVALID) from None
        if since.tzinfo is None or not most.isdecimal() or not 0 < int(most) <= _MOST_LINES:
            raise Failure(INVALID)
        lines = steam.report(account, kind, since, int(most))
        return {"count": len(lines), "orders": [wire.order(one) for one in lines]}

    return await _perform(request, steam, "report", work)


async def _perform(request: WebRequest, steam: SteamDesk, at: Place, work: Work) -> Answer:
    """Do the work and answer, as the switches say: late, in vain, or with nobody told."""
    given = dict(request.query_params)
    if request.method == "POST":
        given |= dict(parse_qsl((await request.body()).decode()))
    key = request.headers.get("x-webapi-key", given.get("key", ""))
    account = steam.account_of(given.get("appid", ""), key)
    if account is None:
        return Response("Forbidden", status_code=403, media_type="text/plain")
    known = steam.orders.get((account.app_id, given.get("orderid", "")))
    named = (given.get("orderid", ""), given.get("steamid", ""))
    switch = steam.bench.switches.take(
        "steam", at, *(known.subjects if known is not None else named), knows=KNOWN["steam"][at]
    )
    effect = switch.effect if switch is not None else None
    if switch is not None and effect == DELAY:
        await asyncio.sleep(switch.seconds)
    if effect == ERROR_BEFORE:
        return Response("Internal Server Error", status_code=500, media_type="text/plain")
    if effect == LOST:
        await steam.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    word = None if effect in ON_THE_WIRE else effect
    try:
        answer = wire.ok(work(account, given, _played(word, given)))
    except Failure as failed:
        answer = wire.failure(failed)
    if effect == ERROR_AFTER:
        return Response("Internal Server Error", status_code=500, media_type="text/plain")
    if effect == SILENCE:
        await steam.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    return Response(answer, status_code=200)


def _played(word: str | None, given: Given) -> str | None:
    """Return an effect that the work plays; a code is refused here, and a strange word too."""
    if word is None or word in EFFECTS:
        return word
    code = word.removeprefix(_ERROR)
    raise Failure(int(code) if code.isdecimal() else INVALID, given.get("orderid"))


ROUTES = (user_info, begin, query, finalize, refund, report)
