"""Stripe's API of customers and of the cards that are kept for them."""

import re

from litestar import delete, get, post

from guildbank_lab.stripe import wire
from guildbank_lab.stripe.cards import SEARCHABLE_SECONDS, shown_customer
from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.forms import read_form, texts
from guildbank_lab.stripe.perform import Answer, WebRequest, asking, perform, since_of
from guildbank_lab.stripe.records import Customer
from guildbank_lab.stripe.wire import shown_card

_OF_METADATA = re.compile(r"metadata\['([^']+)'\]:'([^']+)'")
_PAGE = 100


@post("/v1/customers", status_code=200)
async def open_customer(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Make a customer."""
    account, form = asking(request, stripe), read_form(await request.body())
    metadata = texts(form, "metadata")

    def make(_: str | None) -> object:
        made = Customer(id=stripe.id("cus"), account=account, metadata=metadata, at=stripe.now())
        stripe.cards.keep(made)
        return shown_customer(made)

    return await perform(request, stripe, account, "create", tuple(metadata.values()), make)


@get("/v1/customers")
async def list_customers(request: WebRequest, stripe: StripeDesk) -> Answer:
    """List customers, the newest first."""
    account, since = asking(request, stripe), since_of(request)
    found = [
        shown_customer(one)
        for one in reversed(stripe.cards.customers.values())
        if one.account is account and not one.deleted and one.at >= since
    ]
    page = wire.a_list("/v1/customers", found[:_PAGE])
    return await perform(request, stripe, account, "get", (), lambda _: page)


@get("/v1/customers/search")
async def search_customers(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Find customers by their metadata, once they are in the index."""
    account = asking(request, stripe)
    wanted = dict(_OF_METADATA.findall(request.query_params.get("query") or ""))
    found = stripe.cards.found(account, wanted, stripe.now() - SEARCHABLE_SECONDS)
    page = {
        **wire.a_list("/v1/customers/search", [shown_customer(one) for one in found[:_PAGE]]),
        "object": "search_result",
    }
    return await perform(request, stripe, account, "get", (), lambda _: page)


@get("/v1/customers/{customer_id:str}")
async def show_customer(request: WebRequest, stripe: StripeDesk, customer_id: str) -> Answer:
    """Show a customer, one that was deleted too."""
    account = asking(request, stripe)
    found = stripe.cards.customer(account, customer_id, deleted=True)
    return await perform(
        request, stripe, account, "get", found.subjects, lambda _: shown_customer(found)
    )


@delete("/v1/customers/{customer_id:str}", status_code=200)
async def delete_customer(request: WebRequest, stripe: StripeDesk, customer_id: str) -> Answer:
    """Delete a customer, and remove all its cards."""
    account = asking(request, stripe)
    found = stripe.cards.customer(account, customer_id)

    def gone(_: str | None) -> object:
        stripe.cards.delete(found)
        return shown_customer(found)

    return await perform(request, stripe, account, "detach", found.subjects, gone)


@get("/v1/payment_methods/{card_id:str}")
async def show_method(request: WebRequest, stripe: StripeDesk, card_id: str) -> Answer:
    """Show a card."""
    account = asking(request, stripe)
    card = stripe.cards.card(account, card_id)
    return await perform(request, stripe, account, "get", (card.id,), lambda _: shown_card(card))


@post("/v1/payment_methods/{card_id:str}/detach", status_code=200)
async def detach_method(request: WebRequest, stripe: StripeDesk, card_id: str) -> Answer:
    """Let go of a card."""
    account = asking(request, stripe)
    card = stripe.cards.card(account, card_id)
    subjects = (card.id, *(card.customer.subjects if card.customer is not None else ()))

    def detached(_: str | None) -> object:
        stripe.cards.detach(card)
        return shown_card(card)

    return await perform(request, stripe, account, "detach", subjects, detached)


ROUTES = (
    open_customer, list_customers, search_customers, show_customer, delete_customer, show_method,
    detach_method,
)  # fmt: skip
