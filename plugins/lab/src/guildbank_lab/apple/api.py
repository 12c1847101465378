"""The App Store Server API as far as Guildbank calls it.

https://developer.apple.com/documentation/appstoreserverapi
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get, post, put

from guildbank_lab.apple import renewing, wire
from guildbank_lab.apple.desk import PAGE, AppleDesk
from guildbank_lab.apple.records import App, Subscription
from guildbank_lab.effects import KNOWN
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
Work = Callable[[App, str | None], Awaitable[Answer]]
_NO_ANSWER = 504
_EPOCH, _FAR = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class _Span(msgspec.Struct):
    """Which part of the history is wanted, in milliseconds since 1970."""

    startDate: int  # noqa: N815 - Apple's own words
    endDate: int  # noqa: N815


@get("/inApps/v1/transactions/{transaction_id:str}")
async def transaction(request: WebRequest, apple: AppleDesk, transaction_id: str) -> Answer:
    """Show a transaction."""

    async def work(app: App, effect: str | None) -> Answer:
        sale = apple.sales.get(transaction_id)
        if sale is None or sale.app.bundle_id != app.bundle_id:
            return _no(404, wire.NOT_FOUND, "Transaction id not found.")
        return Response({"signedTransactionInfo": apple.signed(sale, effect)})

    return await _perform(request, apple, "get", (transaction_id,), work)


@get("/inApps/v1/subscriptions/{transaction_id:str}")
async def statuses(request: WebRequest, apple: AppleDesk, transaction_id: str) -> Answer:
    """Say how a subscription stands, and what was bought of it last."""

    async def work(app: App, effect: str | None) -> Answer:
        known = _subscription(apple, app, transaction_id)
        if known is None:
            return _no(404, wire.NOT_FOUND, "Transaction id not found.")
        last = {
            "originalTransactionId": known.original,
            "status": known.status,
            "signedTransactionInfo": apple.signed(renewing.periods(apple, known)[-1], effect),
            "signedRenewalInfo": apple.chain.sign(wire.renewal(known, apple.bench.clock.now())),
        }
        group = {"subscriptionGroupIdentifier": wire.GROUP, "lastTransactions": [last]}
        about = {"environment": wire.SANDBOX, "bundleId": app.bundle_id}
        return Response({**about, "appAppleId": app.app_apple_id, "data": [group]})

    return await _perform(request, apple, "get", (transaction_id,), work)


@get("/inApps/v2/history/{transaction_id:str}")
async def transactions(
    request: WebRequest,
    apple: AppleDesk,
    transaction_id: str,
    startDate: int = 0,  # noqa: N803
    revision: str = "0",
) -> Answer:
    """List what was bought of a subscription since a time, twenty at a time, the oldest first."""

    async def work(app: App, effect: str | None) -> Answer:
        known = _subscription(apple, app, transaction_id)
        if known is None or not revision.isdecimal():
            return _no(404, wire.NOT_FOUND, "Transaction id not found.")
        begin, first = _at(startDate), int(revision)
        found = [one for one in renewing.periods(apple, known) if one.bought >= begin]
        page = found[first : first + PAGE]
        return Response(
            {
                "revision": str(first + len(page)),
                "hasMore": len(found) > first + PAGE,
                "bundleId": app.bundle_id,
                "environment": wire.SANDBOX,
                "signedTransactions": [apple.signed(one, effect) for one in page],
            }
        )

    return await _perform(request, apple, "get", (transaction_id,), work)


@post("/inApps/v1/notifications/history", status_code=200)
async def history(
    request: WebRequest,
    apple: AppleDesk,
    data: _Span,
    paginationToken: str = "0",  # noqa: N803
) -> Answer:
    """List notifications of a span, twenty at a time."""

    async def work(app: App, effect: str | None) -> Answer:
        if not paginationToken.isdecimal():
            return _no(400, wire.BAD_TOKEN_OF_PAGES, "Invalid pagination token.")
        found = apple.history(app, _at(data.startDate), _at(data.endDate))
        first = int(paginationToken)
        page = found[first : first + PAGE]
        more = len(found) > first + PAGE
        answer: dict[str, Any] = {
            "hasMore": more,
            "notificationHistory": [{"signedPayload": one.signed} for one in page],
        }
        return Response(answer | ({"paginationToken": str(first + PAGE)} if more else {}))

    return await _perform(request, apple, "report", (), work)


@post("/inApps/v1/notifications/test", status_code=200)
async def ask_for_test(request: WebRequest, apple: AppleDesk) -> Answer:
    """Send a test notification."""

    async def work(app: App, effect: str | None) -> Answer:
        apple.tell(app, "TEST", None)
        return Response({"testNotificationToken": apple.new_token()})

    return await _perform(request, apple, "token", (), work)


@put("/inApps/v2/transactions/consumption/{transaction_id:str}", status_code=202)
async def consumption(
    request: WebRequest, apple: AppleDesk, transaction_id: str, data: dict[str, Any]
) -> Answer:
    """Hear how much of a purchase was used."""

    async def work(app: App, effect: str | None) -> Answer:
        sale = apple.sales.get(transaction_id)
        if sale is None or sale.app.bundle_id != app.bundle_id:
            return _no(404, wire.NOT_FOUND, "Transaction id not found.")
        if data.get("customerConsented") is not True:
            return _no(400, wire.BAD_CONSENT, "Invalid customer consented.")
        sale.consumption = data
        return Response(None, status_code=202)

    return await _perform(request, apple, "patch", (transaction_id,), work)


def _subscription(apple: AppleDesk, app: App, transaction_id: str) -> Subscription | None:
    """Return the subscription that a transaction of the app's is of."""
    sale = apple.sales.get(transaction_id)
    if sale is None or sale.app.bundle_id != app.bundle_id:
        return None
    return apple.subscriptions.get(sale.original or "")


async def _perform(
    request: WebRequest, apple: AppleDesk, at: Place, named: tuple[str, ...], work: Work
) -> Answer:
    """Do the work and answer, as the switches say: late, in vain, or with nobody told."""
    app = apple.app_of(request.headers.get("authorization", "").removeprefix("Bearer "))
    if app is None:
        return Response("Unauthenticated", status_code=401, media_type="text/plain")
    sale = apple.sales.get(named[0]) if named else None
    subjects = sale.subjects if sale is not None else named
    switch = apple.bench.switches.take(
        "apple", at, *subjects, app.bundle_id, knows=KNOWN["apple"][at]
    )
    effect = switch.effect if switch is not None else None
    if switch is not None and effect == DELAY:
        await asyncio.sleep(switch.seconds)
    if effect == ERROR_BEFORE:
        return Response("Internal Server Error", status_code=500, media_type="text/plain")
    if effect == LOST:
        await apple.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    answer = await work(app, None if effect in ON_THE_WIRE else effect)
    if effect == ERROR_AFTER:
        return Response("Internal Server Error", status_code=500, media_type="text/plain")
    if effect == SILENCE:
        await apple.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    return answer


def _no(status: int, code: int, message: str) -> Answer:
    return Response(wire.error(code, message), status_code=status)


def _at(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return _FAR


ROUTES = (transaction, statuses, transactions, history, ask_for_test, consumption)
