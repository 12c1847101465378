"""Puts the lab together: each company's routes, the switches, and who may call at all."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
from litestar import Litestar, Request, Response, Router, delete, get, post
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ControllerRouterHandler

from guildbank_lab import front
from guildbank_lab.apple import api as apple_api
from guildbank_lab.apple import controls as apple_controls
from guildbank_lab.bench import Bench
from guildbank_lab.companies import Companies
from guildbank_lab.config import Config
from guildbank_lab.courier import is_loopback
from guildbank_lab.effects import Fault, fault_of
from guildbank_lab.google import api as google_api
from guildbank_lab.google import controls as google_controls
from guildbank_lab.google import pages as google_pages
from guildbank_lab.keeping import Keeper, recall
from guildbank_lab.paypal import api, controls, pages, payout_api
from guildbank_lab.paypal.errors import Refused, body_of
from guildbank_lab.request_ids import COMPANY, give_request_id
from guildbank_lab.steam import api as steam_api
from guildbank_lab.steam import controls as steam_controls
from guildbank_lab.steam import pages as steam_pages
from guildbank_lab.steam.desk import LabIsFull
from guildbank_lab.stripe import api as stripe_api
from guildbank_lab.stripe import card_api as stripe_card_api
from guildbank_lab.stripe import card_controls as stripe_card_controls
from guildbank_lab.stripe import controls as stripe_controls
from guildbank_lab.stripe import pages as stripe_pages
from guildbank_lab.stripe import transfer_api as stripe_transfer_api
from guildbank_lab.stripe.errors import Refused as RefusedByStripe
from guildbank_lab.switches import ON_THE_WIRE, ON_WEBHOOKS, Switch, TooManySwitches

LOG = logging.getLogger(__name__)
MAX_BODY_BYTES = 64 * 1024
_FIELD = re.compile(r"(?:\$\.|field `)(\w+)")
"""Where msgspec names a field that is wrong or missing."""
_PARTS = {
    "bench": "bench", "companies": "companies", "desk": "paypal", "steam": "steam",
    "stripe": "stripe", "apple": "apple", "google": "google",
}  # fmt: skip
"""What routes ask for, by its name among the lab's parts."""
WebRequest = Request[Any, Any, Any]


class Move(msgspec.Struct):
    """How much time passes."""

    seconds: Annotated[float, msgspec.Meta(ge=-86_400 * 400, le=86_400 * 400)]


@get("/healthz", sync_to_thread=False)
def health() -> dict[str, str]:
    """Say that the lab is up."""
    return {"status": "ok"}


@post("/lab/switches", status_code=204)
async def turn(bench: Bench, request: WebRequest) -> None:
    """Turn a switch: what goes wrong, with which payment, how often."""
    try:
        read = msgspec.json.decode(await request.body(), type=Switch)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        named = _FIELD.search(str(error))
        raise _no_switch(Fault(named[1] if named else "body", str(error))) from None
    # What companies call things is written in capitals here, however it is asked for.
    own = read.effect not in ON_THE_WIRE | ON_WEBHOOKS
    data = msgspec.structs.replace(read, effect=read.effect.upper()) if own else read
    if (fault := fault_of(data)) is not None:
        raise _no_switch(fault)
    try:
        bench.switches.turn(data)
    except TooManySwitches as error:
        raise Refused(429, "LAB_IS_FULL", str(error)) from None


def _no_switch(fault: Fault) -> Refused:
    refused = Refused(422, "NO_SUCH_SWITCH", fault.said)
    refused.body["details"][0]["field"] = fault.field
    return refused


@delete("/lab/switches")
async def clear(bench: Bench) -> None:
    """Let everything go well again."""
    bench.switches.clear()


@post("/lab/rest", status_code=204)
async def rest(bench: Bench) -> None:
    """Answer once every webhook was taken or given up."""
    await bench.courier.rest()


@post("/lab/clock", status_code=200)
async def move(bench: Bench, data: Move) -> dict[str, str]:
    """Let time pass at once."""
    bench.clock.move(data.seconds)
    return {"now": bench.clock.text()}


def create_app(config: Config) -> Litestar:
    """Return the ASGI app. Its state begins when it starts and is gone when it stops."""
    host = urlsplit(config.url).netloc

    def turn_away_strange_hosts(request: WebRequest) -> Response[Any] | None:
        """Answer only to our own name: a page elsewhere may point its own at this machine."""
        asked = request.headers.get("host", "")
        if asked == host or is_loopback(f"http://{asked}"):
            return None
        return Response(body_of(400, "WRONG_HOST"), status_code=421)

    @asynccontextmanager
    async def working(app: Litestar) -> AsyncIterator[None]:
        bench = Bench(config)
        known = None if config.state is None else recall(config.state, bench)
        companies = known or Companies.opened(bench)
        app.state.bench, app.state.companies = bench, companies
        app.state.paypal, app.state.steam = companies.paypal, companies.steam
        app.state.apple, app.state.google = companies.apple, companies.google
        app.state.stripe = companies.stripe
        try:
            async with _kept(app, config, bench, companies):
                yield
        finally:
            await bench.close()

    return Litestar(
        route_handlers=[
            health, turn, clear, rest, move, *front.ROUTES, *controls.ROUTES, *pages.ROUTES,
            _of("paypal", *api.ROUTES, *payout_api.ROUTES),
            *steam_api.ROUTES, *steam_controls.ROUTES, *steam_pages.ROUTES,
            *stripe_controls.ROUTES, *stripe_pages.ROUTES, *stripe_card_controls.ROUTES,
            _of("stripe", *stripe_api.ROUTES, *stripe_card_api.ROUTES, *stripe_transfer_api.ROUTES),
            *apple_api.ROUTES, *apple_controls.ROUTES,
            *google_api.ROUTES, *google_controls.ROUTES, *google_pages.ROUTES,
        ],
        dependencies={name: _in_state(part) for name, part in _PARTS.items()},
        before_send=[give_request_id],
        before_request=turn_away_strange_hosts,
        after_response=_note,
        exception_handlers={
            Refused: _refused,
            RefusedByStripe: _refused,
            LabIsFull: _full,
            HTTPException: _not_accepted,
            Exception: _failed,
        },
        logging_config=None,
        lifespan=[working],
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
    )  # fmt: skip


def _of(company: str, *routes: ControllerRouterHandler) -> Router:
    """Return the routes by which a company is called, whose answers name the request."""
    return Router(path="/", route_handlers=routes, opt={COMPANY: company})


@asynccontextmanager
async def _kept(
    app: Litestar, config: Config, bench: Bench, companies: Companies
) -> AsyncIterator[None]:
    """Keep everything in the file, where there is one, while the lab runs and once it has ended."""
    if config.state is None:
        yield
        return
    app.state.keeper = keeper = Keeper(config.state, bench, companies)
    keeper.write()
    writing = asyncio.create_task(keeper.run())
    try:
        yield
    finally:
        writing.cancel()
        with suppress(asyncio.CancelledError):
            await writing
        keeper.write()


def _note(request: WebRequest) -> None:
    """Let what a call may have changed be kept."""
    keeper = request.app.state.get("keeper")
    if keeper is not None and request.method != "GET":
        keeper.note()


def _in_state(name: str) -> Provide:
    """Return how a route gets a part of the lab."""

    def found(state: State) -> Any:
        return state[name]

    return Provide(found, sync_to_thread=False)


def _refused(_: WebRequest, error: Refused | RefusedByStripe) -> Response[Any]:
    return Response(error.body, status_code=error.status)


def _full(_: WebRequest, __: LabIsFull) -> Response[Any]:
    return Response(body_of(429, "LAB_IS_FULL"), status_code=429)


def _not_accepted(_: WebRequest, error: HTTPException) -> Response[Any]:
    body = body_of(404 if error.status_code == 404 else 400, "NOT_ACCEPTED", error.detail)
    return Response(body, status_code=error.status_code)


def _failed(request: WebRequest, error: Exception) -> Response[Any]:
    LOG.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return Response(body_of(500, "DEFECT_OF_THE_LAB"), status_code=500)
