"""The page on which a player approves: Steam's own for the web, and the lab's for the overlay."""

from html import escape
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from guildbank_lab.steam.controls import callback, find
from guildbank_lab.steam.desk import SteamDesk
from guildbank_lab.switches import Switch

Choice = Literal["approve", "insufficient_funds", "fraud", "silence", "sales_tax", "deny"]
_WORDS: dict[Choice, tuple[str, str | None]] = {
    "approve": ("Approve", None),
    "insufficient_funds": ("Approve, and the wallet has too little", "ERROR_100"),
    "fraud": ("Approve, and Steam suspects fraud", "ERROR_104"),
    "silence": ("Approve, and Steam takes the money without saying so", "silence"),
    "sales_tax": ("Approve, and a sales tax comes on top", "SALES_TAX"),
    "deny": ("Say no", None),
}
_SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


class Form(msgspec.Struct):
    """What was chosen."""

    choice: Choice
    returnurl: str = ""


@get("/checkout/approvetxn/{trans_id:str}", media_type="text/html", sync_to_thread=False)
def show(steam: SteamDesk, trans_id: str, returnurl: str = "") -> Response[str]:
    """Show the purchase and what can happen to it; by its number, Steam's or the game's."""
    order = find(steam, trans_id)
    buttons = "".join(
        f'<p><button name="choice" value="{choice}">{escape(words)}</button></p>'
        for choice, (words, _) in _WORDS.items()
    )
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        "<title>Steam in the lab</title>"
        "<body style='font:18px sans-serif;max-width:30em;margin:3em auto;padding:0 1em'>"
        "<h1>Steam in the lab</h1><p>No real money moves.</p>"
        f"<p>{escape(order.description)}: <b>{order.asked // 100}.{order.asked % 100:02} "
        f"{escape(order.currency)}</b> ({escape(order.status.lower())})</p>"
        f"<form method='post' action='/checkout/approvetxn/{escape(order.trans_id)}'>"
        f"<input type='hidden' name='returnurl' value='{escape(returnurl)}'>{buttons}</form>"
        "</body></html>"
    )
    return Response(page, headers=_SAFE)


@post("/checkout/approvetxn/{trans_id:str}", media_type="text/html", status_code=200)
async def choose(
    steam: SteamDesk,
    trans_id: str,
    data: Annotated[Form, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Do what was chosen, and lead the player back, or say what the game's client hears."""
    order = find(steam, trans_id)
    _, effect = _WORDS[data.choice]
    if effect is not None:
        steam.bench.switches.turn(Switch(subject=order.order_id, at="capture", effect=effect))
    steam.decide(order, approves=data.choice != "deny")
    if urlsplit(data.returnurl).scheme in ("http", "https"):
        return Redirect(data.returnurl, status_code=303)
    told = escape(str(callback(order)))
    return Response(f"<!doctype html><p>The game's client hears {told}.</p>", headers=_SAFE)


ROUTES = (show, choose)
