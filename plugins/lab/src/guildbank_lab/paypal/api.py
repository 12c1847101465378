"""PayPal's REST API as far as Guildbank calls it.

https://developer.paypal.com/docs/api/orders/v2/ , .../payments/v2/ , .../webhooks/v1/ ,
.../transaction-search/v1/
"""

from base64 import b64decode

import msgspec
from litestar import Response, get, patch, post

from guildbank_lab.paypal import wire
from guildbank_lab.paypal.desk import ORDER_KEYS, REFUND_KEYS, Desk
from guildbank_lab.paypal.errors import Refused, refused
from guildbank_lab.paypal.perform import (
    Amount,
    Answer,
    Once,
    WebRequest,
    asking,
    decode,
    perform,
    value_of,
)
from guildbank_lab.paypal.records import Account, Order
from guildbank_lab.paypal.search import search
from guildbank_lab.paypal.webhooks import CERTIFICATE


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

    return await perform(desk, "token", (), give, 200)


@get("/v1/identity/oauth2/userinfo")
async def userinfo(request: WebRequest, desk: Desk, schema: str = "") -> Answer:
    """Say whose an app is: by name where it may know, by a name for it alone where it may not."""
    account = asking(request, desk)
    if schema != "paypalv1.1":
        raise Refused(400, "INVALID_SCHEMA")
    page = f"https://www.paypal.com/webapps/auth/identity/user/{account.client_id}"
    told = {"payer_id": account.payer_id} if account.tells_payer else {}
    shown = {"user_id": page, "sub": page, **told}
    return await perform(desk, "get", (account.client_id,), lambda _: shown, 200)


@post("/v2/checkout/orders")
async def create(request: WebRequest, desk: Desk) -> Answer:
    """Make an order that waits for the player."""
    account, body = asking(request, desk), await request.body()
    wanted = decode(body, OrderRequest)
    if wanted.intent != "CAPTURE" or len(wanted.purchase_units) != 1:
        raise Refused(400, "NOT_IN_THE_LAB", "The lab knows intent CAPTURE and one unit.")
    unit = wanted.purchase_units[0]

    def make(effect: str | None) -> object:
        if effect is not None:
            raise refused(effect)
        page = wanted.payment_source.paypal.experience_context
        order = Order(
            id=desk.bench.names.new(),
            account=account,
            custom_id=unit.custom_id,
            invoice_id=unit.invoice_id,
            description=unit.description,
            currency=unit.amount.currency_code,
            value=value_of(unit.amount),
            return_url=page.return_url,
            cancel_url=page.cancel_url,
            at=desk.bench.clock.text(),
        )
        desk.keep(order)
        return wire.order(order, desk.url)

    once = Once(request, desk, account, body, ORDER_KEYS)
    return await perform(desk, "create", (unit.custom_id,), make, 201, once)


@get("/v2/checkout/orders/{order_id:str}")
async def show(request: WebRequest, desk: Desk, order_id: str) -> Answer:
    """Show an order."""
    order = desk.order(asking(request, desk), order_id)

    def shown(effect: str | None) -> object:
        if effect is not None:
            raise refused(effect)
        return wire.order(order, desk.url)

    return await perform(desk, "get", order.subjects, shown, 200)


@get("/v1/customer/disputes/{dispute_id:str}")
async def show_dispute(request: WebRequest, desk: Desk, dispute_id: str) -> Answer:
    """Show a dispute, to apps that may read them."""
    case = desk.dispute_of(asking(request, desk), dispute_id)

    def shown(effect: str | None) -> object:
        if effect is not None:
            raise Refused(403 if effect == "PERMISSION_DENIED" else 404, effect)
        return wire.dispute(case, desk.url)

    return await perform(desk, "get", (case.id, *case.order.subjects), shown, 200)


@patch("/v2/checkout/orders/{order_id:str}")
async def change(request: WebRequest, desk: Desk, order_id: str) -> Answer:
    """Change what a merchant may write on an order that is not captured."""
    order = desk.order(asking(request, desk), order_id)
    changes = decode(await request.body(), list[Change])

    def changed(effect: str | None) -> object:
        if effect is not None:
            raise refused(effect)
        if order.capture is not None:
            raise Refused(422, "ORDER_ALREADY_COMPLETED")
        for one in changes:
            place = "/purchase_units/@reference_id=='default'/custom_id"
            if (one.op, one.path) != ("replace", place) or len(one.value) > 127:
                raise Refused(422, "NOT_PATCHABLE")
            order.custom_id = one.value
        return None

    return await perform(desk, "patch", order.subjects, changed, 204)


@post("/v2/checkout/orders/{order_id:str}/capture")
async def capture(request: WebRequest, desk: Desk, order_id: str) -> Answer:
    """Take an order's money."""
    account = asking(request, desk)
    order = desk.order(account, order_id)

    def captured(effect: str | None) -> object:
        desk.capture(order, effect)
        return wire.order(order, desk.url)

    once = Once(request, desk, account, await request.body(), ORDER_KEYS)
    return await perform(desk, "capture", order.subjects, captured, 201, once)


@get("/v2/payments/captures/{capture_id:str}")
async def show_capture(request: WebRequest, desk: Desk, capture_id: str) -> Answer:
    """Show a capture."""
    order = _of(desk.captures, asking(request, desk), capture_id)
    assert order.capture is not None
    return Response(wire.capture(order, order.capture, desk.url))


@post("/v2/payments/captures/{capture_id:str}/refund")
async def refund(request: WebRequest, desk: Desk, capture_id: str) -> Answer:
    """Give back a part or all of a capture."""
    account, body = asking(request, desk), await request.body()
    order = _of(desk.captures, account, capture_id)
    wanted = decode(body or b"{}", RefundBody)
    assert order.capture is not None
    currency = order.capture.currency
    if wanted.amount is not None and wanted.amount.currency_code != currency:
        raise Refused(422, "CURRENCY_MISMATCH")

    def given(effect: str | None) -> object:
        value = None if wanted.amount is None else value_of(wanted.amount)
        return wire.refund(order, desk.refund(order, value, wanted.custom_id, effect), desk.url)

    once = Once(request, desk, account, body, REFUND_KEYS)
    return await perform(desk, "refund", order.subjects, given, 201, once)


@get("/v2/payments/refunds/{refund_id:str}")
async def show_refund(request: WebRequest, desk: Desk, refund_id: str) -> Answer:
    """Show a refund."""
    order = _of(desk.refunds, asking(request, desk), refund_id)
    return Response(wire.refund(order, desk.refund_of(order, refund_id), desk.url))


@get("/v1/notifications/webhooks/{webhook_id:str}")
async def show_webhook(request: WebRequest, desk: Desk, webhook_id: str) -> Answer:
    """Show the app's webhook."""
    account = asking(request, desk)
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
    account = asking(request, desk)

    def listed(effect: str | None) -> object:
        if effect is not None:
            raise Refused(400, effect)
        return search(desk, account, (start_date, end_date), page, page_size)

    return await perform(desk, "report", (), listed, 200)


def _of(places: dict[str, Order], account: Account, id_: str) -> Order:
    order = places.get(id_)
    if order is None or order.account is not account:
        raise Refused(404, "INVALID_RESOURCE_ID")
    return order


ROUTES = (
    token, userinfo, create, show, change, capture, show_capture, refund, show_refund, show_dispute,
    show_webhook, certificate, report,
)  # fmt: skip
