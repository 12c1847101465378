"""Stripe's API as far as Guildbank calls it (https://docs.stripe.com/api)."""

from typing import Any

from litestar import get, post

from guildbank_lab.effects import KNOWN
from guildbank_lab.stripe import wire
from guildbank_lab.stripe.declines import WORDS
from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.errors import Refused
from guildbank_lab.stripe.forms import Form, needed, number, read_form, text, texts
from guildbank_lab.stripe.perform import Answer, WebRequest, asking, perform, since_of
from guildbank_lab.stripe.records import Account, Customer, Intent, Session

_LONGEST_SECONDS, _SHORTEST_SECONDS = 86_400, 1_800
_PAGE = 100
AT = KNOWN["stripe"]


@post("/v1/payment_intents", status_code=200)
async def create(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Make an intent, and confirm it where the form says so."""
    account, form = asking(request, stripe), read_form(await request.body())

    confirms = text(form, "confirm") == "true"

    def make(effect: str | None) -> object:
        intent = Intent(
            id=stripe.id("pi"), account=account, amount=needed(number(form, "amount"), "amount"),
            currency=needed(text(form, "currency"), "currency"), status="requires_payment_method",
            client_secret=stripe.id("pi_secret"), metadata=texts(form, "metadata"),
            description=text(form, "description"), return_url=text(form, "return_url"),
            at=stripe.now(), customer=_customer(stripe, account, form), keeps=_keeps(form),
        )  # fmt: skip
        stripe.keep(intent)
        if confirms:
            method = needed(text(form, "payment_method"), "payment_method")
            stripe.confirm(intent, method, effect)
        return wire.intent(intent, stripe.url)

    subjects = tuple(texts(form, "metadata").values())
    knows = WORDS if confirms else ()
    return await perform(request, stripe, account, "create", subjects, make, knows)


@get("/v1/payment_intents")
async def list_intents(request: WebRequest, stripe: StripeDesk) -> Answer:
    """List intents, the newest first."""
    account, since = asking(request, stripe), since_of(request)
    found = [
        wire.intent(one, stripe.url)
        for one in reversed(stripe.intents.values())
        if one.account is account and one.at >= since
    ]
    page = wire.a_list("/v1/payment_intents", found[:_PAGE])
    return await perform(request, stripe, account, "get", (), lambda _: page)


@get("/v1/payment_intents/search")
async def search(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Find nothing: what is new is not in Stripe's index yet."""
    account = asking(request, stripe)
    nothing = {**wire.a_list("/v1/payment_intents/search", []), "object": "search_result"}
    return await perform(request, stripe, account, "get", (), lambda _: nothing)


@get("/v1/payment_intents/{intent_id:str}")
async def show(request: WebRequest, stripe: StripeDesk, intent_id: str) -> Answer:
    """Show an intent."""
    account = asking(request, stripe)
    intent = stripe.intent(account, intent_id)
    return await perform(
        request, stripe, account, "get", intent.subjects, lambda _: wire.intent(intent, stripe.url)
    )


@post("/v1/payment_intents/{intent_id:str}/cancel", status_code=200)
async def cancel(request: WebRequest, stripe: StripeDesk, intent_id: str) -> Answer:
    """End an intent that took nothing."""
    account = asking(request, stripe)
    intent = stripe.intent(account, intent_id)

    def canceled(_: str | None) -> object:
        stripe.cancel(intent)
        return wire.intent(intent, stripe.url)

    return await perform(request, stripe, account, "cancel", intent.subjects, canceled)


@post("/v1/refunds", status_code=200)
async def refund(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Give back a part or all of an intent."""
    account, form = asking(request, stripe), read_form(await request.body())
    intent = stripe.intent(account, needed(text(form, "payment_intent"), "payment_intent"))

    def given(effect: str | None) -> object:
        metadata, reason = texts(form, "metadata"), text(form, "reason")
        made = stripe.refund(intent, number(form, "amount"), reason, metadata, effect)
        return wire.refund(intent, made)

    return await perform(request, stripe, account, "refund", intent.subjects, given, AT["refund"])


@get("/v1/refunds")
async def list_refunds(request: WebRequest, stripe: StripeDesk) -> Answer:
    """List the refunds of an intent."""
    account = asking(request, stripe)
    intent = stripe.intent(account, request.query_params.get("payment_intent") or "")
    found = [wire.refund(intent, one) for one in reversed(intent.refunds)]
    page = wire.a_list("/v1/refunds", found[:_PAGE])
    return await perform(request, stripe, account, "get", intent.subjects, lambda _: page)


@get("/v1/refunds/{refund_id:str}")
async def show_refund(request: WebRequest, stripe: StripeDesk, refund_id: str) -> Answer:
    """Show a refund."""
    account = asking(request, stripe)
    intent, found = stripe.refund_of(account, refund_id)
    shown = wire.refund(intent, found)
    return await perform(request, stripe, account, "get", intent.subjects, lambda _: shown)


@post("/v1/checkout/sessions", status_code=200)
async def open_session(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Open a page on which the player pays."""
    account, form = asking(request, stripe), read_form(await request.body())

    def make(_: str | None) -> object:
        session = _session(stripe, account, form)
        stripe.keep(session)
        return wire.session(session, stripe.url)

    subjects = tuple(texts(form, "metadata").values())
    return await perform(request, stripe, account, "create", subjects, make)


@get("/v1/checkout/sessions")
async def list_sessions(request: WebRequest, stripe: StripeDesk) -> Answer:
    """List sessions, the newest first."""
    account, since = asking(request, stripe), since_of(request)
    of = request.query_params.get("payment_intent")
    found = [
        wire.session(one, stripe.url)
        for one in reversed(stripe.sessions.values())
        if one.account is account
        and one.at >= since
        and (of is None or (one.intent is not None and one.intent.id == of))
    ]
    page = wire.a_list("/v1/checkout/sessions", found[:_PAGE])
    return await perform(request, stripe, account, "get", (), lambda _: page)


@get("/v1/checkout/sessions/{session_id:str}")
async def show_session(request: WebRequest, stripe: StripeDesk, session_id: str) -> Answer:
    """Show a session."""
    account = asking(request, stripe)
    session = stripe.session(account, session_id)
    return await perform(
        request, stripe, account, "get", session.subjects,
        lambda _: wire.session(session, stripe.url),
    )  # fmt: skip


@post("/v1/checkout/sessions/{session_id:str}/expire", status_code=200)
async def expire_session(request: WebRequest, stripe: StripeDesk, session_id: str) -> Answer:
    """End a session that nobody has paid."""
    account = asking(request, stripe)
    session = stripe.session(account, session_id)

    def expired(_: str | None) -> object:
        stripe.expire(session)
        return wire.session(session, stripe.url)

    return await perform(request, stripe, account, "cancel", session.subjects, expired)


@get("/v1/disputes/{dispute_id:str}")
async def show_dispute(request: WebRequest, stripe: StripeDesk, dispute_id: str) -> Answer:
    """Show a dispute."""
    account = asking(request, stripe)
    case = stripe.dispute_of(account, dispute_id)
    subjects = (case.id, *case.intent.subjects)
    return await perform(request, stripe, account, "get", subjects, lambda _: wire.dispute(case))


@post("/v1/disputes/{dispute_id:str}", status_code=200)
async def answer_dispute(request: WebRequest, stripe: StripeDesk, dispute_id: str) -> Answer:
    """Take evidence for a dispute; without `submit` it goes to the bank, too."""
    account, form = asking(request, stripe), read_form(await request.body())
    case = stripe.dispute_of(account, dispute_id)

    def answered(effect: str | None) -> object:
        if effect is not None:
            raise Refused(400, effect.lower(), "The evidence is not taken.")
        evidence, submit = texts(form, "evidence"), text(form, "submit") != "false"
        if sum(map(len, evidence.values())) > 150_000:
            raise Refused(400, None, "The evidence is too long.", param="evidence")
        stripe.answer(case, evidence, submit=submit)
        return wire.dispute(case)

    subjects = (case.id, *case.intent.subjects)
    return await perform(request, stripe, account, "evidence", subjects, answered, AT["evidence"])


@get("/v1/account")
async def show_account(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Show whose key it is."""
    account = asking(request, stripe)
    shown = {"id": account.id, "object": "account"}
    return await perform(request, stripe, account, "get", (), lambda _: shown)


def _session(stripe: StripeDesk, account: Account, form: Form) -> Session:
    """Return the session that a form asks for; the lab knows one line with a price of its own."""
    line = _inside(form, "line_items", "0")
    price = _inside(line, "price_data")
    now = stripe.now()
    expires = number(form, "expires_at") or now + _LONGEST_SECONDS
    if text(form, "mode") != "payment" or text(line, "quantity") != "1":
        raise Refused(400, None, "The lab knows mode payment and one line.")
    if not now + _SHORTEST_SECONDS - 60 <= expires <= now + _LONGEST_SECONDS + 60:
        said = "The `expires_at` timestamp must be between 30 minutes and 24 hours from creation."
        raise Refused(400, "parameter_invalid_integer", said)
    title = text(_inside(price, "product_data"), "name")
    return Session(
        id=stripe.id("cs_test"), account=account,
        amount=needed(number(price, "unit_amount"), "unit_amount"),
        currency=needed(text(price, "currency"), "currency"),
        title=needed(title, "line_items[0][price_data][product_data][name]"),
        success_url=needed(text(form, "success_url"), "success_url"),
        cancel_url=text(form, "cancel_url"), metadata=texts(form, "metadata"),
        intent_metadata=texts(_inside(form, "payment_intent_data", optional=True), "metadata"),
        client_reference_id=text(form, "client_reference_id"), expires_at=expires, at=now,
        customer=_customer(stripe, account, form), keeps=_keeps(form),
    )  # fmt: skip


def _customer(stripe: StripeDesk, account: Account, form: Form) -> Customer | None:
    named = text(form, "customer")
    return None if named is None else stripe.cards.customer(account, named)


def _keeps(form: Form) -> bool:
    """Say whether the card that pays is to be attached to the customer."""
    card = _inside(form, "payment_method_options", "card", optional=True)
    return "on_session" in (text(card, "setup_future_usage"), text(form, "setup_future_usage"))


def _inside(form: Form, *names: str, optional: bool = False) -> Form:
    found: Any = form
    for name in names:
        found = found.get(name, {}) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not (found or optional):
        raise Refused(400, "parameter_missing", f"Missing required param: {names[-1]}.")
    return found


ROUTES = (
    create, list_intents, search, show, cancel, refund, list_refunds, show_refund, open_session,
    list_sessions, show_session, expire_session, show_dispute, answer_dispute, show_account,
)  # fmt: skip
