"""The lab's first page: what it plays, what was bought, and where a player goes on."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple

from litestar import Response, get

from guildbank_lab.bench import Bench
from guildbank_lab.companies import NAMES, Companies

MOST_SHOWN = 10
_SAFE = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
_STYLE = "font:17px sans-serif;max-width:46em;margin:2em auto;padding:0 1em"


class Line(NamedTuple):
    """A purchase or an account: its name, how it stands, and the page on which it goes on."""

    name: str
    state: str
    page: str | None = None


@get("/", media_type="text/html", sync_to_thread=False)
def show(bench: Bench, companies: Companies) -> Response[str]:
    """Show the newest purchases of each company."""
    parts = "".join(
        f"<h2>{name}</h2><p>{escape(_HOW[name])}</p>{_list(list(lines))}"
        for name, lines in _lines(companies).items()
    )
    wrong = _list([Line(f"{one.subject} at {one.at}", one.effect) for one in bench.switches.turned])
    page = (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>The lab</title>"
        f"<body style='{_STYLE}'><h1>The lab</h1>"
        f"<p>It plays {', '.join(NAMES[:-1])} and {NAMES[-1]} on this machine. "
        "No real money moves.</p>"
        f"{parts}<h2>Switches</h2><p>What goes wrong next, by <code>POST /lab/switches</code>.</p>"
        f"{wrong}</body></html>"
    )
    return Response(page, headers=_SAFE)


@get("/lab", sync_to_thread=False)
def about(bench: Bench) -> dict[str, object]:
    """Say which lab this is: `born` is another word where nothing of before is known any more."""
    return {"born": bench.born, "companies": list(NAMES)}


_HOW: Mapping[str, str] = {
    "Stripe": "Buy with a test card such as pm_card_visa, or with the method checkout.",
    "PayPal": "Buy, and approve on the order's page.",
    "Apple": "Buy; then the device buys the product by POST /lab/apple/buy.",
    "Google": "Buy; then the device buys the product on the app's page.",
    "Steam": "Buy, and approve on the order's page, which stands for the overlay.",
}


def _lines(of: Companies) -> Mapping[str, Iterator[Line]]:
    """Return what each company has, the newest first."""
    return {
        "Stripe": _stripe(of),
        "PayPal": (
            Line(one.id, one.status.lower(), f"/checkoutnow?token={one.id}")
            for one in reversed(of.paypal.orders.values())
        ),
        "Apple": (
            Line(one.transaction_id, "refunded" if one.revoked else one.product)
            for one in reversed(of.apple.sales.values())
        ),
        "Google": _google(of),
        "Steam": (
            Line(one.order_id, one.status.lower(), f"/checkout/approvetxn/{one.trans_id}")
            for one in reversed(of.steam.orders.values())
        ),
    }


def _stripe(of: Companies) -> Iterator[Line]:
    for session in reversed(of.stripe.sessions.values()):
        if session.status == "open":
            yield Line(session.id, session.status, f"/stripe/pay/{session.id}")
    for intent in reversed(of.stripe.intents.values()):
        asks = intent.status == "requires_action"
        yield Line(intent.id, intent.status, f"/stripe/authenticate/{intent.id}" if asks else None)


def _google(of: Companies) -> Iterator[Line]:
    for app in of.google.apps:
        yield Line(app.package_name, "app", f"/google/{app.package_name}")
    for sale in reversed(of.google.sales.values()):
        yield Line(sale.order_id, sale.wish.product, f"/google/{sale.app.package_name}")


def _list(lines: Sequence[Line]) -> str:
    if not lines:
        return "<p>Nothing yet.</p>"
    return f"<ul>{''.join(map(_item, lines[:MOST_SHOWN]))}</ul>"


def _item(line: Line) -> str:
    name = escape(line.name)
    shown = name if line.page is None else f"<a href='{escape(line.page)}'>{name}</a>"
    return f"<li>{shown}: {escape(line.state)}</li>"


ROUTES = (show, about)
