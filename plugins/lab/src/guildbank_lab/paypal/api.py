"""PayPal's REST API as far as Guildbank calls it.

https://developer.paypal.com/docs/api/orders/v2/ , .../payments/v2/ , .../webhooks/v1/ ,
.../transaction-search/v1/
"""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get, patch, post

from guildbank_lab.paypal import wire
from guildbank_lab.paypal.desk import MOST_KEPT, ORDER_KEYS, REFUND_KEYS, Desk
from guildbank_lab.paypal.errors import Refused, body_of
from guildbank_lab.paypal.records import Account, Kept, Order
from guildbank_lab.paypal.search import search
from guildbank_lab.paypal.webhooks import CERTIFICATE
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
T = TypeVar("T")
_NO_ANSWER = 504


class Amount(msgspec.Struct):
    """An amount in a request."""

    currency_code: str
    value: str


class Unit(msgspec.Struct):
    """The purchase unit of a request."""

    amount: Amount
    custom_id: str = ""
    invoice_id: str | None = None
    description: str = ""


class Page(msgspec.Struct):
    """How the player's page is to be."""

    return_url: str | None = None
    cancel_url: str | None = None


class Wallet(msgspec.Struct):
    """PayPal's own payment source."""

    experience_context: Page = msgspec.field(default_factory=Page)


class Source(msgspec.Struct):
    """How the player pays."""

    paypal: Wallet = msgspec.field(default_factory=Wallet)


class OrderRequest(msgspec.Struct):
    """The body that makes an order."""

    intent: str
    purchase_units: list[Unit]
    payment_source: Source = msgspec.field(default_factory=Source)


class RefundBody(msgspec.Struct):
    """The body that makes a refund."""

    amount: Amount | None = None
    custom_id: str | None = None


class Change(msgspec.Struct):
    """One change of an order (RFC 6902)."""

    op: str
    path: str
    value: str


@post("/v1/oauth2/token", status_code=200)
async def token(request: WebRequest, desk: Desk) -> Answer:
    """Give an access token for client credentials."""

    def give(_: str | None) -> object:
        kind, _, pair = request.headers.get("authorization", "").partition(" ")
        try:
            client_id, _, client_secret = b64decode(pair).decode().partition(":")
        except ValueError:
            raise Refused(401, "INVALID_CLIENT") from None
        if kind.lower() != "basic":
            raise Refused(401, "INVALID_CLIENT")
        given, seconds = desk.token_for(client_id, client_secret)
        return {"access_token": given, "token_type": "Bearer", "expires_in": seconds}

    return await _perform(desk, "token", (), give, 200)


@post("/v2/checkout/orders")
async def create(request: WebRequest, desk: Desk) -> Answer:
    """Make an order that waits for the player."""
    account, body = _account(request, desk), await request.body()
    wanted = _decode(body, OrderRequest)
    if wanted.intent != "CAPTURE" or len(wanted.purchase_units) != 1:
        raise Refused(400, "NOT_IN_THE_LAB", "The lab knows intent CAPTURE and one unit.")
    unit = wanted.purchase_units[0]

    def make(effect: str | None) -> object:
        if effect is not None:
            raise Refused(422, effect)
        page = wanted.payment_source.paypal.experience_context
        order = Order(
            id=desk.bench.names.new(),
            account=account,
            custom_id=unit.custom_id,
            invoice_id=unit.invoice_id,
            description=unit.description,
            currency=unit.amount.currency_code,
            value=_value(unit.amount),
            return_url=page.return_url,
            cancel_url=page.cancel_url,
            at=desk.bench.clock.text(),
        )
        desk.keep(order)
        return wire.order(order, desk.url)

    once = _Once(request, desk, account, body, ORDER_KEYS)
    return await _perform(desk, "create", (unit.custom_id,), make, 201, once)


@get("/v2/checkout/orders/{order_id:str}")
async def show(request: WebRequest, desk: Desk, order_id: str) -> Answer:
    """Show an order."""
    order = desk.order(_account(request, desk), order_id)

    def shown(effect: str | None) -> object:
        if effect is not None:
            raise Refused(404, effect)
        return wire.order(order, desk.url)

    return await _perform(desk, "get", order.subjects, shown, 200)


@patch("/v2/checkout/orders/{order_id:str}")
async def change(request: WebRequest, desk: Desk, order_id: str) -> Answer:
    """Change what a merchant may write on an order that is not captured."""
    order = desk.order(_account(request, desk), order_id)
    changes = _decode(await request.body(), list[Change])

    def changed(effect: str | None) -> object:
        if effect is not None:
            raise Refused(422, effect)
        if order.capture is not None:
            raise Refused(422, "ORDER_ALREADY_COMPLETED")
        for one in changes:
            place = "/purchase_units/@reference_id=='default'/custom_id"
            if (one.op, one.path) != ("replace", place) or len(one.value) > 127:
                raise Refused(422, "NOT_PATCHABLE")
            order.custom_id = one.value
        return None

    return await _perform(desk, "patch", order.subjects, changed, 204)


@post("/v2/checkout/orders/{order_id:str}/capture")
async def capture(request: WebRequest, desk: Desk, order_id: str) -> Answer:
    """Take an order's money."""
    account = _account(request, desk)
    order = desk.order(account, order_id)

    def captured(effect: str | None) -> object:
        desk.capture(order, effect)
        return wire.order(order, desk.url)

    once = _Once(request, desk, account, await request.body(), ORDER_KEYS)
    return await _perform(desk, "capture", order.subjects, captured, 201, once)


@get("/v2/payments/captures/{capture_id:str}")
async def show_capture(request: WebRequest, desk: Desk, capture_id: str) -> Answer:
    """Show a capture."""
    order = _of(desk.captures, _account(request, desk), capture_id)
    assert order.capture is not None
    return Response(wire.capture(order, order.capture, desk.url))


@post("/v2/payments/captures/{capture_id:str}/refund")
async def refund(request: WebRequest, desk: Desk, capture_id: str) -> Answer:
    """Give back a part or all of a capture."""
    account, body = _account(request, desk), await request.body()
    order = _of(desk.captures, account, capture_id)
    wanted = _decode(body or b"{}", RefundBody)
    assert order.capture is not None
    currency = order.capture.currency
    if wanted.amount is not None and wanted.amount.currency_code != currency:
        raise Refused(422, "CURRENCY_MISMATCH")

    def given(effect: str | None) -> object:
        value = None if wanted.amount is None else _value(wanted.amount)
        return wire.refund(order, desk.refund(order, value, wanted.custom_id, effect), desk.url)

    once = _Once(request, desk, account, body, REFUND_KEYS)
    return await _perform(desk, "refund", order.subjects, given, 201, once)


@get("/v2/payments/refunds/{refund_id:str}")
async def show_refund(request: WebRequest, desk: Desk, refund_id: str) -> Answer:
    """Show a refund."""
    order = _of(desk.refunds, _account(request, desk), refund_id)
    return Response(wire.refund(order, desk.refund_of(order, refund_id), desk.url))


@get("/v1/customer/disputes/{dispute_id:str}")
async def show_dispute(request: WebRequest, desk: Desk, dispute_id: str) -> Answer:
    """Show a dispute."""
    account, case = _account(request, desk), desk.disputes.get(dispute_id)
    if case is None or case.order.account is not account:
        raise Refused(404, "INVALID_RESOURCE_ID")
    return Response(wire.dispute(case, desk.url))


@get("/v1/notifications/webhooks/{webhook_id:str}")
async def show_webhook(request: WebRequest, desk: Desk, webhook_id: str) -> Answer:
    """Show the app's webhook."""
    account = _account(request, desk)
    if account.webhook_id != webhook_id:
        raise Refused(404, "INVALID_RESOURCE_ID")
    return Response({"id": webhook_id, "url": account.webhook_url, "event_types": [{"name": "*"}]})


@get(
    "/v1/notifications/certs/{name:str}", media_type="application/x-pem-file", sync_to_thread=False
)
def certificate(desk: Desk, name: str) -> bytes:
    """Show the certificate by which webhooks are signed, with its chain; open to all."""
    if name != CERTIFICATE:
        raise Refused(404, "INVALID_RESOURCE_ID")
    return desk.webhooks.signer.chain


@get("/v1/reporting/transactions")
async def report(
    request: WebRequest, desk: Desk, start_date: str, end_date: str, page: int = 1,
    page_size: int = 100,
) -> Answer:  # fmt: skip
    """List what moved an account's money."""
    account = _account(request, desk)

    def listed(effect: str | None) -> object:
        if effect is not None:
            raise Refused(400, effect)
        return search(desk, account, (start_date, end_date), page, page_size)

    return await _perform(desk, "report", (), listed, 200)


class _Once:
    """The same request id with the same body gets the same answer, for as long as PayPal says.

    What PayPal answers to the same id with another body it does not say; the lab refuses.
    """

    def __init__(
        self, request: WebRequest, desk: Desk, account: Account, body: bytes, lasts: timedelta
    ) -> None:
        self._key = request.headers.get("paypal-request-id", "")
        self._place = (account.client_id, request.url.path, self._key)
        self._desk = desk
        self._body = body
        self._lasts = lasts

    def earlier(self) -> Kept | None:
        """Return what this id got before."""
        kept = self._desk.kept.get(self._place) if self._key else None
        if kept is None or kept.until <= self._desk.bench.clock.now():
            return None
        if kept.body != self._body:
            raise Refused(422, "LAB_REQUEST_ID_REUSED", "The request id had another body.")
        return kept

    def keep(self, status: int, answer: object) -> None:
        """Remember an answer."""
        if not self._key:
            return
        while len(self._desk.kept) >= MOST_KEPT:
            del self._desk.kept[next(iter(self._desk.kept))]
        until = self._desk.bench.clock.now() + self._lasts
        self._desk.kept[self._place] = Kept(
            body=self._body, status=status, answer=answer, until=until
        )


async def _perform(
    desk: Desk,
    at: Place,
    subjects: tuple[str, ...],
    work: Callable[[str | None], object],
    status: int,
    once: _Once | None = None,
) -> Answer:
    """Do the work and answer, as the switches say: late, in vain, or with nobody told."""
    switch = desk.bench.switches.take(at, *subjects)
    effect = switch.effect if switch is not None else None
    if switch is not None and effect == DELAY:
        await asyncio.sleep(switch.seconds)
    if effect == ERROR_BEFORE:
        return Response(body_of(500, "INTERNAL_SERVER_ERROR"), status_code=500)
    if effect == LOST:
        await desk.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    kept = once.earlier() if once is not None else None
    if kept is None:
        word = None if effect in ON_THE_WIRE else effect
        code, answer = _answer(work, word, status)
        if once is not None:
            once.keep(code, answer)
    else:
        code, answer = kept.status, kept.answer
    if effect == ERROR_AFTER:
        return Response(body_of(500, "INTERNAL_SERVER_ERROR"), status_code=500)
    if effect == SILENCE:
        await desk.bench.silence()
        return Response(None, status_code=_NO_ANSWER)
    return Response(answer, status_code=code)


def _answer(
    work: Callable[[str | None], object], word: str | None, status: int
) -> tuple[int, object]:
    try:
        return status, work(word)
    except Refused as refused:
        return refused.status, refused.body


def _account(request: WebRequest, desk: Desk) -> Account:
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise Refused(401, "INVALID_TOKEN")
    return desk.account_of(given)


def _of(places: dict[str, Order], account: Account, id_: str) -> Order:
    order = places.get(id_)
    if order is None or order.account is not account:
        raise Refused(404, "INVALID_RESOURCE_ID")
    return order


def _decode(body: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Refused(400, "MALFORMED_REQUEST_JSON") from None


def _value(amount: Amount) -> Decimal:
    if amount.currency_code not in wire.CURRENCIES:
        raise Refused(422, "CURRENCY_NOT_SUPPORTED")
    try:
        value = Decimal(amount.value)
        places = -int(value.as_tuple().exponent)
    except (InvalidOperation, ValueError):
        raise Refused(400, "INVALID_PARAMETER_SYNTAX") from None
    if not 0 < value < 10**9:
        raise Refused(422, "AMOUNT_MISMATCH")
    if places > 2:
        raise Refused(422, "DECIMAL_PRECISION")
    if places > 0 and amount.currency_code in wire.WHOLE:
        raise Refused(422, "DECIMALS_NOT_SUPPORTED")
    return value


ROUTES = (
    token, create, show, change, capture, show_capture, refund, show_refund, show_dispute,
    show_webhook, certificate, report,
)  # fmt: skip
