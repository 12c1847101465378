"""What who plays with the lab does in place of developers, players and Google's staff."""

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from litestar import post

from guildbank_lab.clock import Moment
from guildbank_lab.google import renewing, wire
from guildbank_lab.google.desk import PUSHES_AS, GoogleDesk
from guildbank_lab.google.records import App, Sale, Subscription, Wish
from guildbank_lab.paypal.errors import Refused

Package = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z0-9_]+)+$")]
Name = Annotated[str, msgspec.Meta(max_length=64)]


class NewProduct(msgspec.Struct):
    """A product that sells a pack; the lab only hands it on to the settings."""

    pack: str
    product: str


class NewApp(msgspec.Struct):
    """An app to put into the store; `audience` is what pushes are for, if not their address."""

    package_name: Package
    webhook_url: str | None = None
    audience: str | None = None
    products: Annotated[list[NewProduct], msgspec.Meta(max_length=100)] = []


class Buying(msgspec.Struct):
    """A purchase; the price is in units of the currency, such as 4.99."""

    package_name: Package
    product: Annotated[str, msgspec.Meta(min_length=1, max_length=150)]
    account: Name | None = None
    profile: Name | None = None
    price: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?$")] = "4.99"
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "EUR"
    region: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] = "DE"
    quantity: Annotated[int, msgspec.Meta(ge=1, le=10)] = 1
    test: bool = True
    pending: bool = False
    once: bool = False
    subscription: bool = False
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 30


class Renewing(msgspec.Struct):
    """A renewal of a subscription, named by its token or an order; free where the price is 0."""

    package_name: Package
    transaction: str
    price: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,9})?$")] | None = None


class Becoming(msgspec.Struct):
    """What becomes of a subscription, named by its token or an order."""

    package_name: Package
    transaction: str
    what: Literal["cancel", "resume", "fail", "grace", "pause", "revoke", "expire"]


class Which(msgspec.Struct):
    """A purchase of an app, by its token or its order."""

    package_name: Package
    transaction: str


class Settling(msgspec.Struct):
    """How a pending purchase ends."""

    package_name: Package
    transaction: str
    paid: bool = True


class Voiding(msgspec.Struct):
    """Why money goes back, and by whom, in Google's numbers."""

    package_name: Package
    transaction: str
    reason: Annotated[int, msgspec.Meta(ge=0, le=8)] = 1
    source: Annotated[int, msgspec.Meta(ge=0, le=2)] = 0


class Signing(msgspec.Struct):
    """The push of a test for an audience, signed `at` a moment, now if none is given."""

    package_name: Package
    audience: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    at: Moment | None = None


class OfApp(msgspec.Struct):
    """An app."""

    package_name: Package


@post("/lab/google/accounts", sync_to_thread=False)
def open_account(google: GoogleDesk, data: NewApp) -> dict[str, Any]:
    """Put an app into the store; the answer is what a test tenant's settings are to be."""
    app = google.open_app(data.package_name, data.webhook_url, data.audience)
    account = {
        "type": "service_account",
        "client_email": app.email,
        "private_key": app.key.as_pem(private=True).decode(),
        "private_key_id": app.key_id,
        "token_uri": f"{google.url}/token",
    }
    heard = {"push_email": PUSHES_AS} if data.webhook_url is not None else {}
    aimed = data.audience or data.webhook_url
    return {
        "service_account": msgspec.json.encode(account).decode(),
        "package_name": app.package_name,
        "products": [msgspec.structs.asdict(one) for one in data.products],
        "lab_url": google.url,
        **heard,
        **({"push_audience": aimed} if aimed is not None else {}),
    }


@post("/lab/google/buy", status_code=200)
async def buy(google: GoogleDesk, data: Buying) -> dict[str, str]:
    """Buy as a player on a device does; answers what Play Billing gives to the app."""
    sale = sell(google, app_of(google, data.package_name), data)
    return {"transaction": sale.token, "order": sale.order_id}


def sell(google: GoogleDesk, app: App, data: Buying) -> Sale:
    """Sell what is wanted, once or for a first period."""
    wish = Wish(
        product=data.product, account=data.account, profile=data.profile,
        price=Decimal(data.price), currency=data.currency, region=data.region,
        quantity=data.quantity, test=data.test, pending=data.pending, days=data.days,
    )  # fmt: skip
    if data.subscription:
        return renewing.subscribe(google, app, wish)
    return google.buy(app, wish, once=data.once)


@post("/lab/google/renew", status_code=200)
async def renew(google: GoogleDesk, data: Renewing) -> dict[str, str]:
    """Renew a subscription, as Google does when a period ends."""
    known = subscription_of(google, data.package_name, data.transaction)
    price = None if data.price is None else Decimal(data.price)
    sale = renewing.renew(google, known, price)
    return {"transaction": sale.token, "order": sale.order_id}


@post("/lab/google/become", status_code=200)
async def become(google: GoogleDesk, data: Becoming) -> dict[str, str]:
    """Let something become of a subscription; answers how it stands."""
    known = subscription_of(google, data.package_name, data.transaction)
    renewing.become(google, known, data.what)
    return {"state": known.state}


@post("/lab/google/settle", status_code=200)
async def settle(google: GoogleDesk, data: Settling) -> dict[str, str]:
    """End a pending purchase: paid, or canceled."""
    sale = sale_of(google, data.package_name, data.transaction)
    google.settle(sale, paid=data.paid)
    return {"state": sale.state}


@post("/lab/google/void", status_code=200)
async def void(google: GoogleDesk, data: Voiding) -> dict[str, str]:
    """Give money back, as Google, a bank or somebody at the Play Console does."""
    sale = sale_of(google, data.package_name, data.transaction)
    google.void(sale, data.reason, data.source)
    return {"state": sale.state}


@post("/lab/google/heard", status_code=200, sync_to_thread=False)
def heard(google: GoogleDesk, data: Which) -> dict[str, Any]:
    """Say how a purchase stands, and whether Google was told that it was delivered."""
    google.lapse()
    known = google.subscriptions.get(data.transaction)
    if known is not None and known.app is app_of(google, data.package_name):
        return {"state": known.state, "acknowledged": known.acknowledged}
    sale = sale_of(google, data.package_name, data.transaction)
    return {"state": sale.state, "consumed": sale.consumed}


@post("/lab/google/tell", status_code=200)
async def tell(google: GoogleDesk, data: OfApp) -> dict[str, str]:
    """Push the test notification of the Play Console."""
    google.tell(app_of(google, data.package_name), None, {"testNotification": {"version": "1.0"}})
    return {"told": data.package_name}


@post("/lab/google/sign", status_code=200)
async def sign(google: GoogleDesk, data: Signing) -> dict[str, str]:
    """Answer the header and body of a push of which nothing follows, and push it to nobody."""
    at = google.bench.clock.now() if data.at is None else data.at
    app = app_of(google, data.package_name)
    body = wire.push(app, google.bench.names.new(16), {"testNotification": {"version": "1.0"}}, at)
    bearer = google.bearer(data.audience, at=at)
    return {"authorization": f"Bearer {bearer}", "body": body.decode()}


@post("/lab/google/forget-tokens", status_code=204)
async def forget_tokens(google: GoogleDesk) -> None:
    """End every access token."""
    google.forget_tokens()


def app_of(google: GoogleDesk, package_name: str) -> App:
    """Return an app by its package name."""
    app = google.app(package_name)
    if app is None:
        raise Refused(404, "NO_SUCH_APP")
    return app


def subscription_of(google: GoogleDesk, package_name: str, named: str) -> Subscription:
    """Return an app's subscription by its token or an order."""
    app = app_of(google, package_name)
    sale = google.sale_of(app, named)
    known = google.subscriptions.get(named if sale is None else sale.token)
    if known is None or known.app is not app:
        raise Refused(404, "NO_SUCH_SUBSCRIPTION")
    return known


def sale_of(google: GoogleDesk, package_name: str, named: str) -> Sale:
    """Return an app's purchase by its token or its order."""
    sale = google.sale_of(app_of(google, package_name), named)
    if sale is None:
        raise Refused(404, "NO_SUCH_PURCHASE")
    return sale


ROUTES = (open_account, buy, renew, become, settle, void, heard, tell, sign, forget_tokens)
