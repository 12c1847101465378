"""What who plays with the lab does in place of developers, players and Apple's staff."""

from typing import Annotated, Any, Literal

import msgspec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from litestar import post

from guildbank_lab.apple import renewing, wire
from guildbank_lab.apple.desk import AppleDesk
from guildbank_lab.apple.records import App, Sale, Subscription, Wish
from guildbank_lab.apple.words import Subtype, Type
from guildbank_lab.clock import Moment
from guildbank_lab.paypal.errors import Refused

Bundle = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9.-]{1,155}$")]
Kind = Literal[
    "Consumable", "Non-Consumable", "Non-Renewing Subscription", "Auto-Renewable Subscription"
]


class NewProduct(msgspec.Struct):
    """A product that sells a pack; the lab only hands it on to the settings."""

    pack: str
    product: str


class NewApp(msgspec.Struct):
    """An app to put into the store."""

    bundle_id: Bundle
    webhook_url: str | None = None
    products: Annotated[list[NewProduct], msgspec.Meta(max_length=100)] = []


class Buying(msgspec.Struct):
    """A purchase; the price is in thousandths of the currency's unit.

    A subscription lasts `days`, and with `original` it takes the place of that one at once. What is
    `shared` is had by somebody of the buyer's family.
    """

    bundle_id: Bundle
    product: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    token: str | None = None
    price: Annotated[int, msgspec.Meta(ge=0, le=10**12)] = 4_990
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "EUR"
    quantity: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    kind: Kind = "Consumable"
    once: bool = False
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30
    original: str | None = None
    shared: bool = False


class Refunding(msgspec.Struct):
    """A refund; of a part where a percentage is given, in thousandths of a percent."""

    bundle_id: Bundle
    transaction: str
    percentage: Annotated[int, msgspec.Meta(ge=1, le=100_000)] | None = None


class Renewing(msgspec.Struct):
    """A renewal of a subscription, named by its first transaction; free where the price is 0."""

    bundle_id: Bundle
    original: str
    price: Annotated[int, msgspec.Meta(ge=0, le=10**12)] | None = None


class Becoming(msgspec.Struct):
    """What becomes of a subscription; a downgrade names the product that it renews as."""

    bundle_id: Bundle
    original: str
    what: Literal["cancel", "resume", "downgrade", "fail", "grace", "expire"]
    product: str | None = None


class Which(msgspec.Struct):
    """A purchase of an app."""

    bundle_id: Bundle
    transaction: str


class Signing(msgspec.Struct):
    """The notification of a test, signed `at` a moment, now if none is given."""

    bundle_id: Bundle
    at: Moment | None = None


class Telling(msgspec.Struct):
    """A notification about a purchase, for which nothing happens otherwise."""

    bundle_id: Bundle
    transaction: str
    kind: Type
    subtype: Subtype | None = None


@post("/lab/apple/accounts", sync_to_thread=False)
def open_account(apple: AppleDesk, data: NewApp) -> dict[str, Any]:
    """Put an app into the store; the answer is what a test tenant's settings are to be."""
    app = apple.open_app(data.bundle_id, data.webhook_url)
    key = app.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return {
        "private_key": key,
        "key_id": app.key_id,
        "issuer_id": app.issuer_id,
        "bundle_id": app.bundle_id,
        "app_apple_id": app.app_apple_id,
        "products": [msgspec.structs.asdict(one) for one in data.products],
        "lab_url": apple.url,
        "lab_root": apple.chain.root_pem,
    }


@post("/lab/apple/buy", status_code=200)
async def buy(apple: AppleDesk, data: Buying) -> dict[str, str]:
    """Buy as a player on a device does; answers what StoreKit gives to the app."""
    app = _app(apple, data.bundle_id)
    wish = Wish(
        product=data.product, token=data.token, price=data.price, currency=data.currency,
        quantity=data.quantity, kind=data.kind, days=data.days, shared=data.shared,
    )  # fmt: skip
    if data.kind == renewing.KIND:
        return _shown(apple, renewing.subscribe(apple, app, wish, data.original))
    return _shown(apple, apple.buy(app, wish, once=data.once))


@post("/lab/apple/renew", status_code=200)
async def renew(apple: AppleDesk, data: Renewing) -> dict[str, str]:
    """Renew a subscription, as Apple does when a period ends; answers what StoreKit gives."""
    known = _subscription(apple, data.bundle_id, data.original)
    return _shown(apple, renewing.renew(apple, known, data.price))


@post("/lab/apple/become", status_code=200)
async def become(apple: AppleDesk, data: Becoming) -> dict[str, int]:
    """Let something become of a subscription; answers Apple's number of how it stands."""
    known = _subscription(apple, data.bundle_id, data.original)
    renewing.become(apple, known, data.what, data.product)
    return {"status": known.status}


@post("/lab/apple/refund", status_code=200)
async def refund(apple: AppleDesk, data: Refunding) -> dict[str, str]:
    """Give money back, as Apple does when a player asks."""
    sale = _sale(apple, data.bundle_id, data.transaction)
    apple.refund(sale, data.percentage)
    return {"transaction": sale.transaction_id}


@post("/lab/apple/reverse", status_code=200)
async def reverse(apple: AppleDesk, data: Which) -> dict[str, str]:
    """Take a refund back, as Apple does when a buyer disputes it."""
    sale = _sale(apple, data.bundle_id, data.transaction)
    apple.reverse(sale)
    return {"transaction": sale.transaction_id}


@post("/lab/apple/tell", status_code=200)
async def tell(apple: AppleDesk, data: Telling) -> dict[str, str]:
    """Notify of a purchase, such as by CONSUMPTION_REQUEST or REFUND_DECLINED."""
    sale = _sale(apple, data.bundle_id, data.transaction)
    apple.tell(sale.app, data.kind, sale, data.subtype)
    return {"transaction": sale.transaction_id}


@post("/lab/apple/sign", status_code=200, sync_to_thread=False)
def sign(apple: AppleDesk, data: Signing) -> dict[str, str]:
    """Answer the body of a notification of which nothing follows, and send it to nobody."""
    at = apple.bench.clock.now() if data.at is None else data.at
    app, name = _app(apple, data.bundle_id), apple.new_token()
    payload = wire.notification(app, "TEST", None, name, {}, at)
    return {"signedPayload": apple.chain.sign(payload)}


@post("/lab/apple/heard", status_code=200, sync_to_thread=False)
def heard(apple: AppleDesk, data: Which) -> dict[str, Any]:
    """Say what Apple was told of the use of a purchase."""
    return {"consumption": _sale(apple, data.bundle_id, data.transaction).consumption}


def _shown(apple: AppleDesk, sale: Sale) -> dict[str, str]:
    return {"transaction": sale.transaction_id, "signed_transaction": apple.signed(sale)}


def _subscription(apple: AppleDesk, bundle_id: str, original: str) -> Subscription:
    known = apple.subscriptions.get(original)
    if known is None or known.app.bundle_id != _app(apple, bundle_id).bundle_id:
        raise Refused(404, "NO_SUCH_SUBSCRIPTION")
    return known


def _app(apple: AppleDesk, bundle_id: str) -> App:
    app = apple.app(bundle_id)
    if app is None:
        raise Refused(404, "NO_SUCH_APP")
    return app


def _sale(apple: AppleDesk, bundle_id: str, transaction_id: str) -> Sale:
    sale = apple.sales.get(transaction_id)
    if sale is None or sale.app.bundle_id != _app(apple, bundle_id).bundle_id:
        raise Refused(404, "NO_SUCH_PURCHASE")
    return sale


ROUTES = (open_account, buy, renew, become, refund, reverse, tell, sign, heard)
