"""Google's addresses as far as Guildbank calls them.

https://developers.google.com/android-publisher/api-ref/rest , for access tokens
https://developers.google.com/identity/protocols/oauth2/service-account
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from litestar import Request, Response, get, post

from guildbank_lab.effects import KNOWN
from guildbank_lab.google import renewing, wire
from guildbank_lab.google.desk import LIFE_SECONDS, GoogleDesk
from guildbank_lab.google.records import App, Sale
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
Work = Callable[[str | None], Awaitable[Answer]]
_APP = "/androidpublisher/v3/applications/{package_name:str}"
_NO_ANSWER = 504
_OF_ORDERS = frozenset({"OTHER_TOKEN"})
_OF_PURCHASES = KNOWN["google"]["get"] - _OF_ORDERS
_MOST = 1_000
_BY_DEVELOPER = 1
_EPOCH, _FAR = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@post("/token", status_code=200)
async def token(request: WebRequest, google: GoogleDesk) -> Answer:
    """Give an access token for a signed word (RFC 7523)."""
    form = await request.form()

    async def work(effect: str | None) -> Answer:
        given = google.grant(str(form.get("assertion", "")))
        if given is None:
            said = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return Response(said, status_code=400)
        kind = {"token_type": "Bearer", "expires_in": LIFE_SECONDS}
        return Response({"access_token": given, **kind})

    return await _perform(google, "token", (), work)


@get("/oauth2/v3/certs", sync_to_thread=False)
def certs(google: GoogleDesk) -> Response[bytes]:
    """Show the keys by which pushes are signed."""
    return Response(google.certs(), media_type="application/json")


@get(f"{_APP}/purchases/productsv2/tokens/{{named:str}}")
async def purchase(
    request: WebRequest, google: GoogleDesk, package_name: str, named: str
) -> Answer:
    """Show a purchase."""

    async def work(sale: Sale, effect: str | None) -> Answer:
        return Response(wire.purchase(sale, effect))

    return await _with_sale(request, google, "get", (package_name, named), work, _OF_PURCHASES)


@post(f"{_APP}/purchases/products/{{product:str}}/tokens/{{verb:str}}")
async def consume(
    request: WebRequest, google: GoogleDesk, package_name: str, product: str, verb: str
) -> Answer:
    """Hear that a purchase was delivered."""
    named, _, what = verb.rpartition(":")

    async def work(sale: Sale, effect: str | None) -> Answer:
        if what != "consume" or product != sale.wish.product or not google.consume(sale):
            return _no(400, "INVALID_ARGUMENT", "The purchase cannot be consumed.")
        return Response(None, status_code=204)

    return await _with_sale(request, google, "capture", (package_name, named), work)


@get(f"{_APP}/purchases/subscriptionsv2/tokens/{{named:str}}")
async def subscription(
    request: WebRequest, google: GoogleDesk, package_name: str, named: str
) -> Answer:
    """Show a subscription."""

    async def work(app: App, effect: str | None) -> Answer:
        known = google.subscriptions.get(named)
        if known is None or known.app is not app:
            return _no(404, "NOT_FOUND", "The subscription was not found.")
        return Response(wire.subscription(known, renewing.periods(google, known)[-1]))

    return await _with_app(request, google, "get", package_name, work, named)


@post(f"{_APP}/purchases/subscriptions/{{product:str}}/tokens/{{verb:str}}")
async def acknowledge(
    request: WebRequest, google: GoogleDesk, package_name: str, product: str, verb: str
) -> Answer:
    """Hear that a subscription was delivered."""
    named, _, what = verb.rpartition(":")

    async def work(app: App, effect: str | None) -> Answer:
        known = google.subscriptions.get(named)
        if known is None or known.app is not app or what != "acknowledge":
            return _no(400, "INVALID_ARGUMENT", "The subscription cannot be acknowledged.")
        google.acknowledge(known)
        return Response(None, status_code=204)

    return await _with_app(request, google, "capture", package_name, work, named)


@get(f"{_APP}/orders/{{named:str}}")
async def order(request: WebRequest, google: GoogleDesk, package_name: str, named: str) -> Answer:
    """Show an order."""

    async def work(sale: Sale, effect: str | None) -> Answer:
        return Response(wire.order(sale, effect))

    return await _with_sale(request, google, "get", (package_name, named), work, _OF_ORDERS)


@post(f"{_APP}/orders/{{verb:str}}")
async def refund(request: WebRequest, google: GoogleDesk, package_name: str, verb: str) -> Answer:
    """Give an order's money back."""
    named, _, what = verb.rpartition(":")

    async def work(sale: Sale, effect: str | None) -> Answer:
        if what != "refund" or sale.voided is not None or sale.state != wire.PURCHASED:
            return _no(400, "INVALID_ARGUMENT", "The order cannot be refunded.")
        if effect == "PENDING":
            sale.refunding = True
        else:
            google.void(sale, 0, _BY_DEVELOPER)
        return Response(None, status_code=204)

    return await _with_sale(
        request, google, "refund", (package_name, named), work, KNOWN["google"]["refund"]
    )


@get(f"{_APP}/purchases/voidedpurchases")
async def voided(
    request: WebRequest,
    google: GoogleDesk,
    package_name: str,
    startTime: int = 0,  # noqa: N803 - Google's own words
    endTime: int = 10**14,  # noqa: N803
    maxResults: int = _MOST,  # noqa: N803
    type: int = 0,  # noqa: A002
    token: str = "0",  # noqa: S107 - of pages
) -> Answer:
    """List what was voided in a span."""

    async def work(app: App, effect: str | None) -> Answer:
        if not token.isdecimal() or not 0 < maxResults <= _MOST:
            return _no(400, "INVALID_ARGUMENT", "Invalid pagination token.")
        spanned = google.voided(app, _at(startTime), _at(endTime))
        found = [one for one in spanned if type == 1 or one.ends is None]
        end = int(token) + maxResults
        answer: wire.Json = {"voidedPurchases": list(map(wire.voided, found[int(token) : end]))}
        more = {"tokenPagination": {"nextPageToken": str(end)}} if len(found) > end else {}
        return Response(answer | more)

    return await _with_app(request, google, "report", package_name, work)


async def _with_sale(
    request: WebRequest,
    google: GoogleDesk,
    at: Place,
    names: tuple[str, str],
    work: Callable[[Sale, str | None], Awaitable[Answer]],
    knows: Collection[str] = (),
) -> Answer:
    """Do the work on a purchase of the caller's app."""
    package_name, named = names

    async def on_sale(app: App, effect: str | None) -> Answer:
        sale = google.sale_of(app, named)
        if sale is None:
            return _no(404, "NOT_FOUND", "The purchase was not found.")
        return await work(sale, effect)

    return await _with_app(request, google, at, package_name, on_sale, named, knows)


async def _with_app(
    request: WebRequest,
    google: GoogleDesk,
    at: Place,
    package_name: str,
    work: Callable[[App, str | None], Awaitable[Answer]],
    named: str | None = None,
    knows: Collection[str] = (),
) -> Answer:
    """Do the work for whose access token it is, about the app that it may see."""
    google.lapse()
    app = google.app_of(request.headers.get("authorization", "").removeprefix("Bearer "))
    if app is None:
        return _no(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    if app.package_name != package_name:
        return _no(403, "PERMISSION_DENIED", "The caller does not have permission.")
    sale = google.sale_of(app, named) if named is not None else None
    subjects = sale.subjects if sale is not None else ()

    async def on_app(effect: str | None) -> Answer:
        return await work(app, effect)

    return await _perform(google, at, (*subjects, package_name), on_app, knows)


async def _perform(
    google: GoogleDesk,
    at: Place,
    subjects: tuple[str, ...],
    work: Work,
    knows: Collection[str] = (),
) -> Answer:
    """Do the work and answer, as the switches say: late, in vain, or with nobody told."""
    switch = google.bench.switches.take("google", at, *subjects, knows=knows)
    effect = switch.effect if switch is not None else None
    if switch is not None and effect == DELAY:
        await asyncio.sleep(switch.seconds)
    if effect == ERROR_BEFORE:
        return _no(500, "INTERNAL", "Internal error encountered.")
    if effect == LOST:
        await google.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    answer = await work(None if effect in ON_THE_WIRE else effect)
    if effect == ERROR_AFTER:
        return _no(500, "INTERNAL", "Internal error encountered.")
    if effect == SILENCE:
        await google.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    return answer


def _no(code: int, status: str, message: str) -> Answer:
    return Response(wire.error(code, status, message), status_code=code)


def _at(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return _FAR


ROUTES = (token, certs, purchase, subscription, acknowledge, consume, order, refund, voided)
