"""The page on which a player approves, or has a purchase go wrong, in a browser or by curl."""

from html import escape
from typing import Annotated, Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from guildbank_lab.paypal import wire
from guildbank_lab.paypal.desk import Desk
from guildbank_lab.paypal.errors import Refused
from guildbank_lab.paypal.records import Order
from guildbank_lab.switches import Place, Switch

Choice = Literal[
    "approve", "declined_card", "refused", "pending", "capture_silence", "webhooks_three_times",
    "webhooks_late", "webhooks_forged", "no_webhooks", "cancel",
]  # fmt: skip
_WORDS: dict[Choice, tuple[str, Place | None, str]] = {
    "approve": ("Pay", None, ""),
    "declined_card": ("Pay with a card that is declined", "capture", "INSTRUMENT_DECLINED"),
    "refused": ("Pay, and PayPal refuses for good", "capture", "TRANSACTION_REFUSED"),
    "pending": ("Pay, and PayPal holds the money for review", "capture", "PENDING"),
    "capture_silence": ("Pay, and PayPal does not say so", "capture", "silence"),
    "webhooks_three_times": ("Pay, with webhooks three times", "webhook", "duplicate"),
    "webhooks_late": ("Pay, with webhooks in the wrong order", "webhook", "reordered"),
    "webhooks_forged": ("Pay, with a webhook that a stranger signed", "webhook", "forged"),
    "no_webhooks": ("Pay, without webhooks", "webhook", "unsent"),
    "cancel": ("Go back without paying", None, ""),
}
_ALWAYS = frozenset({"refused", "no_webhooks", "webhooks_three_times"})
_SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


class Form(msgspec.Struct):
    """What was chosen."""

    token: str
    choice: Choice


@get("/checkoutnow", media_type="text/html", sync_to_thread=False)
def show(desk: Desk, token: str) -> Response[str]:
    """Show the purchase and what can happen to it."""
    order = _order(desk, token)
    amount = wire.money(order.currency, order.value)
    buttons = "".join(
        f'<p><button name="choice" value="{choice}">{escape(words)}</button></p>'
        for choice, (words, _, _) in _WORDS.items()
    )
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        "<title>PayPal in the lab</title>"
        "<body style='font:18px sans-serif;max-width:30em;margin:3em auto;padding:0 1em'>"
        "<h1>PayPal in the lab</h1><p>No real money moves.</p>"
        f"<p>{escape(order.description)}: <b>{escape(amount['value'])} {escape(order.currency)}</b>"
        f" ({escape(order.status.lower().replace('_', ' '))})</p>"
        f"<form method='post' action='/checkoutnow'>"
        f"<input type='hidden' name='token' value='{escape(order.id)}'>{buttons}</form>"
        "</body></html>"
    )
    return Response(page, headers=_SAFE)


@post("/checkoutnow", media_type="text/html", status_code=200)
async def choose(
    desk: Desk, data: Annotated[Form, Body(media_type=RequestEncodingType.URL_ENCODED)]
) -> Response[Any]:
    """Do what was chosen, and lead the player back to the shop as PayPal does."""
    order = _order(desk, data.token)
    if data.choice == "cancel":
        return _back(order, order.cancel_url)
    _, place, effect = _WORDS[data.choice]
    if place is not None:
        times = 0 if data.choice in _ALWAYS else 1
        desk.bench.switches.turn(Switch(subject=order.id, at=place, effect=effect, times=times))
    desk.approve(order)
    return _back(order, order.return_url)


def _order(desk: Desk, token: str) -> Order:
    if token not in desk.orders:
        raise Refused(404, "INVALID_RESOURCE_ID")
    return desk.orders[token]


def _back(order: Order, url: str | None) -> Response[Any]:
    if url is None:
        page = "<!doctype html><p>Done. The shop named no page to go back to.</p>"
        return Response(page, headers=_SAFE)
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode({"token": order.id}))))
    return Redirect(urlunsplit(parts._replace(query=query)), status_code=303)


ROUTES = (show, choose)
