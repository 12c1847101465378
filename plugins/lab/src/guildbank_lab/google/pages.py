"""The page on which a person buys in the lab's Play store, and takes money back, by hand.

At Google both happen on the player's device and in the Play Console, which the lab has not.
"""

from collections.abc import Iterator
from html import escape
from itertools import islice
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from guildbank_lab.google import renewing, wire
from guildbank_lab.google.controls import Buying, app_of, sale_of, sell, subscription_of
from guildbank_lab.google.desk import GoogleDesk
from guildbank_lab.google.records import App, Sale
from guildbank_lab.paypal.errors import Refused

MOST_SHOWN = 50
_SAFE = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
Deed = Literal[
    "paid", "unpaid", "refund", "fraud", "chargeback", "renew", "cancel", "resume", "expire"
]
_WORDS: dict[Deed, str] = {
    "paid": "The player pays",
    "unpaid": "The player does not pay in time",
    "refund": "Google gives the money back",
    "fraud": "Google suspects fraud, and takes the money back",
    "chargeback": "The player's bank takes the money back",
    "renew": "A period ends, and Google takes money for the next",
    "cancel": "The player cancels: it ends with its period",
    "resume": "The player wants it after all",
    "expire": "It expires now",
}
_VOIDS: dict[Deed, tuple[int, int]] = {"refund": (1, 0), "fraud": (5, 2), "chargeback": (7, 2)}
"""Why and by whom, in Google's numbers: remorse by the user, fraud and chargeback by Google."""
_FIELDS = (
    ("product", "Product", "text", ""),
    ("price", "Price", "text", "4.99"),
    ("currency", "Currency", "text", "EUR"),
    ("region", "Country", "text", "DE"),
    ("quantity", "How many", "number", "1"),
    ("account", "obfuscatedAccountId", "text", ""),
    ("profile", "obfuscatedProfileId", "text", ""),
    ("pending", "It waits for the player's cash", "checkbox", "on"),
    ("subscription", "It renews each month", "checkbox", "on"),
)


class Chosen(msgspec.Struct):
    """What is to become of a purchase, named by its token or its order."""

    transaction: str
    deed: Deed


@get("/google/{package:str}", media_type="text/html")
async def show(google: GoogleDesk, package: str) -> Response[str]:
    """Show what can be bought, what was bought last, and what can become of it."""
    app = app_of(google, package)
    google.lapse()
    mine = (one for one in reversed(google.sales.values()) if one.app is app)
    rows = "".join(_row(google, one) for one in islice(mine, MOST_SHOWN))
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Google Play in the lab</title>"
        "<style>body{font:18px sans-serif;max-width:40em;margin:3em auto;padding:0 1em}"
        "label{display:block;margin:.3em 0}code{overflow-wrap:anywhere}"
        "section{border-top:1px solid #ccc;padding:1em 0}</style>"
        f"<h1>Google Play in the lab</h1><p>No real money moves. App {escape(package)}.</p>"
        f"<form method='post' action='{_place(app)}/buy'>{''.join(_fields())}"
        "<button>Buy</button></form>"
        f"<h2>Bought last</h2>{rows or '<p>Nothing yet.</p>'}</html>"
    )
    return Response(page, headers=_SAFE)


@post("/google/{package:str}/buy", media_type="text/html")
async def buy(
    google: GoogleDesk,
    package: str,
    data: Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Redirect:
    """Buy, and show the purchase with what Play Billing gives to the app."""
    app = app_of(google, package)
    typed: dict[str, Any] = {name: text for name, text in data.items() if text}
    for name in ("pending", "subscription"):
        typed[name] = name in typed
    try:
        wanted = msgspec.convert({**typed, "package_name": package}, Buying, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(400, "NOT_ACCEPTED", str(error)[:200]) from None
    sell(google, app, wanted)
    return Redirect(_place(app), status_code=303)


@post("/google/{package:str}/deeds", media_type="text/html")
async def choose(
    google: GoogleDesk,
    package: str,
    data: Annotated[Chosen, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Redirect:
    """Let it become of the purchase what was chosen, as far as it still can."""
    app = app_of(google, package)
    deed = data.deed
    if deed in ("paid", "unpaid"):
        google.settle(sale_of(google, package, data.transaction), paid=deed == "paid")
    elif (void := _VOIDS.get(deed)) is not None:
        google.void(sale_of(google, package, data.transaction), *void)
    elif deed == "renew":
        renewing.renew(google, subscription_of(google, package, data.transaction), None)
    elif deed in ("cancel", "resume", "expire"):
        renewing.become(google, subscription_of(google, package, data.transaction), deed)
    return Redirect(_place(app), status_code=303)


def _place(app: App) -> str:
    return f"/google/{escape(app.package_name)}"


def _fields() -> Iterator[str]:
    for name, words, kind, value in _FIELDS:
        need = " required" if name == "product" else ""
        yield f"<label><input type='{kind}' name='{name}' value='{value}'{need}> {words}</label>"


def _row(google: GoogleDesk, sale: Sale) -> str:
    wish = sale.wish
    known = google.subscriptions.get(sale.token)
    stands = sale.state.lower() if known is None else f"{sale.state} ({known.state})".lower()
    told = "consumed" if sale.consumed else "not consumed"
    buttons = "".join(
        f"<p><button name='deed' value='{deed}'>{escape(_WORDS[deed])}</button></p>"
        for deed in _deeds(sale, renews=known is not None and _is_last(google, sale))
    )
    return (
        f"<section><p>{escape(wish.product)} x {wish.quantity}: <b>{wish.price} "
        f"{escape(wish.currency)}</b>, {escape(stands)}, {told}</p>"
        f"<p>Order {escape(sale.order_id)}. Its token, which the app gets:<br>"
        f"<code>{escape(sale.token)}</code></p>"
        f"<form method='post' action='{_place(sale.app)}/deeds'>"
        f"<input type='hidden' name='transaction' value='{escape(sale.order_id)}'>"
        f"{buttons}</form></section>"
    )


def _is_last(google: GoogleDesk, sale: Sale) -> bool:
    """Say whether no later period of the subscription was sold."""
    return not any(
        one.token == sale.token and one.bought > sale.bought for one in google.sales.values()
    )


def _deeds(sale: Sale, *, renews: bool) -> Iterator[Deed]:
    """Yield what can become of a purchase as it stands."""
    if sale.state == wire.PENDING:
        yield from ("paid", "unpaid")
        return
    if sale.voided is None and sale.state == wire.PURCHASED:
        yield from _VOIDS
    if renews:
        yield from ("renew", "cancel", "resume", "expire")


ROUTES = (show, buy, choose)
