"""Two pages for the player: the bank's, which asks who pays, and Stripe's own, Checkout."""

from html import escape
from typing import Annotated, Any, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.errors import Refused, missing
from guildbank_lab.stripe.records import Intent, Session
from guildbank_lab.switches import Switch

AtBank = Literal["confirm", "fail", "time_out", "abandon"]
AtStripe = Literal["pay", "pay_later", "no_webhooks", "webhooks_three_times", "go_back"]
_AT_BANK: dict[str, str] = {
    "confirm": "Confirm the payment",
    "fail": "Fail to confirm",
    "time_out": "Wait until the bank's time is over",
    "abandon": "Close the page",
}
_AT_STRIPE: dict[str, str] = {
    "pay": "Pay",
    "pay_later": "Pay by a method whose money comes later",
    "no_webhooks": "Pay, without webhooks",
    "webhooks_three_times": "Pay, with webhooks three times",
    "go_back": "Go back without paying",
}
_EFFECTS = {"no_webhooks": "unsent", "webhooks_three_times": "duplicate"}
_SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


class BankForm(msgspec.Struct):
    """What was chosen at the bank."""

    choice: AtBank


class PayForm(msgspec.Struct):
    """What was chosen at Stripe."""

    choice: AtStripe


@get("/stripe/authenticate/{intent_id:str}", media_type="text/html", sync_to_thread=False)
def show_bank(stripe: StripeDesk, intent_id: str) -> Response[str]:
    """Ask the player to confirm."""
    intent = _intent(stripe, intent_id)
    return _page("The bank in the lab", intent.description or "A payment", intent, _AT_BANK)


@post("/stripe/authenticate/{intent_id:str}", media_type="text/html", status_code=200)
async def at_bank(
    stripe: StripeDesk,
    intent_id: str,
    data: Annotated[BankForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Do what was chosen, and lead the player back to the shop as Stripe does."""
    intent = _intent(stripe, intent_id)
    if data.choice == "abandon":
        return _closed()
    stripe.authenticate(intent, success=data.choice == "confirm")
    if intent.return_url is None:
        return _closed()
    status = "succeeded" if intent.status == "succeeded" else "failed"
    return _back(
        intent.return_url, payment_intent=intent.id,
        payment_intent_client_secret=intent.client_secret, redirect_status=status,
    )  # fmt: skip


@get("/stripe/pay/{session_id:str}", media_type="text/html", sync_to_thread=False)
def show_checkout(stripe: StripeDesk, session_id: str) -> Response[str]:
    """Show what is bought."""
    session = _session(stripe, session_id)
    if session.status != "open":
        return Response("<!doctype html><p>This page is over.</p>", headers=_SAFE)
    return _page("Checkout in the lab", session.title, session, _AT_STRIPE)


@post("/stripe/pay/{session_id:str}", media_type="text/html", status_code=200)
async def at_checkout(
    stripe: StripeDesk,
    session_id: str,
    data: Annotated[PayForm, Body(media_type=RequestEncodingType.URL_ENCODED)],
) -> Response[Any]:
    """Do what was chosen, and lead the player back to the shop."""
    session = _session(stripe, session_id)
    if data.choice == "go_back":
        return _closed() if session.cancel_url is None else _back(session.cancel_url)
    if data.choice in _EFFECTS:
        # By the name that the merchant gave it: events of the session and of its intent bear it.
        name, effect = session.client_reference_id or session.id, _EFFECTS[data.choice]
        stripe.bench.switches.turn(Switch(subject=name, at="webhook", effect=effect, times=0))
    try:
        stripe.complete(session, later=data.choice == "pay_later")
    except Refused as refused:
        title = refused.body["error"]["message"]
        return _page(title, session.title, session, _AT_STRIPE)
    return _back(session.success_url)


def _page(title: str, what: str, paid: Intent | Session, choices: dict[str, str]) -> Response[str]:
    buttons = "".join(
        f'<p><button name="choice" value="{choice}">{escape(words)}</button></p>'
        for choice, words in choices.items()
    )
    page = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title>"
        "<body style='font:18px sans-serif;max-width:30em;margin:3em auto;padding:0 1em'>"
        f"<h1>{title}</h1><p>No real money moves.</p><p>{escape(what)}: <b>{paid.amount} "
        f"{escape(paid.currency.upper())}</b> in the smallest unit ({escape(paid.status)})</p>"
        f"<form method='post'>{buttons}</form></body></html>"
    )
    return Response(page, headers=_SAFE)


def _closed() -> Response[Any]:
    return Response("<!doctype html><p>The player has closed the page.</p>", headers=_SAFE)


def _back(url: str, **said: str) -> Response[Any]:
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(said))))
    return Redirect(urlunsplit(parts._replace(query=query)), status_code=303)


def _intent(stripe: StripeDesk, id_: str) -> Intent:
    if id_ not in stripe.intents:
        raise missing("payment_intent", id_)
    return stripe.intents[id_]


def _session(stripe: StripeDesk, id_: str) -> Session:
    found = stripe.sessions.get(id_)
    if found is None:
        raise missing("checkout.session", id_)
    return stripe.session(found.account, id_)


ROUTES = (show_bank, at_bank, show_checkout, at_checkout)
