"""What goes over the wire to Stripe about kept cards, and what its answers are taken for."""

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
from stripe import InvalidRequestError
from tests.servers.canned import Canned
from tests.servers.localstripe import LocalStripe

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    Context,
    CustomerRequest,
    EventKind,
    OnFile,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    SavedMethod,
)
from guildbank_stripe.plugin import StripeProvider
from guildbank_stripe.rehearsal import sign

REQUEST = PaymentRequest(
    attempt_id=new_id("att"), idempotency_key="att_1:create:1", amount_minor=499, currency="EUR",
    description="500 coins", player_id="player_1",
)  # fmt: skip
INTENT = {
    "id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 499,
    "amount_received": 499, "currency": "eur", "client_secret": "pi_1_secret_x",
    "metadata": {"guildbank_attempt": REQUEST.attempt_id}, "payment_method": "pm_1",
}  # fmt: skip
CARD = {
    "id": "pm_1", "object": "payment_method", "type": "card", "customer": "cus_1",
    "card": {
        "brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2031, "fingerprint": "abc",
    },
}  # fmt: skip
KNOWN = SavedMethod(
    reference="pm_1", brand="visa", last_four="4242", expires_year=2031, expires_month=8,
    fingerprint="abc",
)  # fmt: skip
CUSTOMER = {"id": "cus_1", "object": "customer", "metadata": {"guildbank_player": "player_1"}}
NOT_THERE = {"error": {"type": "invalid_request_error", "code": "resource_missing"}}
REFUSED = {"error": {"type": "invalid_request_error", "message": "detachment is impossible"}}


@pytest.fixture
async def stripe() -> AsyncIterator[Canned]:
    async with Canned() as server:
        yield server


@pytest.fixture
def tenant(stripe: Canned, context: Context) -> Context:
    settings = {
        "secret_key": "sk_test_wire", "webhook_secret": "whsec_wire", "api_base": stripe.url,
    }  # fmt: skip
    return msgspec.structs.replace(context, settings=settings)


def a_list(*items: object) -> dict[str, object]:
    return {"object": "list", "data": items, "has_more": False, "url": "/v1/x"}


def asked_for(context: Context, hours: float = 0) -> CustomerRequest:
    return CustomerRequest(
        customer_id="cst_1", player_id="player_1", idempotency_key="cst_1:open:1",
        requested_at=context.now - timedelta(hours=hours),
    )  # fmt: skip


async def test_a_payment_that_is_to_keep_its_card_says_so_of_cards_alone(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, INTENT)
    wanted = OnFile(customer="cus_1", keep=True)
    request = msgspec.structs.replace(REQUEST, on_file=wanted, method="pm_card_visa")
    await provider.create_payment(tenant, request)
    (asked,) = stripe.asked
    assert asked.form["customer"] == "cus_1"
    assert asked.form["payment_method_options[card][setup_future_usage]"] == "on_session"
    assert "setup_future_usage" not in asked.form


async def test_a_kept_card_is_charged_while_its_player_is_there(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, INTENT)
    request = msgspec.structs.replace(REQUEST, on_file=OnFile(customer="cus_1", method="pm_1"))
    paid = await provider.create_payment(tenant, request)
    assert paid.status is OutcomeStatus.PROCESSED
    (asked,) = stripe.asked
    assert (asked.form["customer"], asked.form["payment_method"]) == ("cus_1", "pm_1")
    assert (asked.form["confirm"], asked.form.get("off_session")) == ("true", None)
    assert asked.form["metadata[guildbank_confirmed_by]"] == "server"
    assert asked.headers["idempotency-key"] == "att_1:create:1"


async def test_a_customer_is_made_under_its_key_without_a_name_or_an_address(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, CUSTOMER)
    assert await provider.open_customer(tenant, asked_for(tenant)) == "cus_1"
    (asked,) = stripe.asked
    assert (asked.method, asked.path) == ("POST", "/v1/customers")
    assert asked.headers["idempotency-key"] == "cst_1:open:1"
    assert asked.form == {
        "metadata[guildbank_player]": "player_1",
        "metadata[guildbank_customer]": "cst_1",
    }


async def test_what_an_earlier_call_made_is_looked_for_once_its_key_may_be_forgotten(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, {**a_list(CUSTOMER), "object": "search_result"})
    assert await provider.open_customer(tenant, asked_for(tenant, hours=21)) == "cus_1"
    (asked,) = stripe.asked
    assert (asked.method, asked.path.partition("?")[0]) == ("GET", "/v1/customers/search")


async def test_where_there_is_no_search_customers_are_listed_before_one_is_made(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    other = {**CUSTOMER, "id": "cus_2", "metadata": {"guildbank_player": "player_2"}}
    stripe.answer(400, NOT_THERE)
    stripe.answer(200, a_list(other))
    stripe.answer(200, CUSTOMER)
    assert await provider.open_customer(tenant, asked_for(tenant, hours=21)) == "cus_1"
    ways = [(one.method, one.path.partition("?")[0]) for one in stripe.asked]
    assert ways == [
        ("GET", "/v1/customers/search"), ("GET", "/v1/customers"), ("POST", "/v1/customers"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "body", "known"),
    [
        (200, CUSTOMER, True),
        (200, {"id": "cus_1", "object": "customer", "deleted": True}, False),
        (200, {**CUSTOMER, "metadata": {}}, False),
        (404, NOT_THERE, False),
    ],
)
async def test_an_account_knows_its_own_customers(
    stripe: Canned,
    tenant: Context,
    provider: StripeProvider,
    status: int,
    body: dict[str, object],
    known: bool,
) -> None:
    stripe.answer(status, body)
    request = msgspec.structs.replace(asked_for(tenant), reference="cus_1")
    assert await provider.knows_customer(tenant, request) is known


@pytest.mark.parametrize("status", [200, 404])
async def test_a_forgotten_customer_is_deleted_or_gone_already(
    stripe: Canned, tenant: Context, provider: StripeProvider, status: int
) -> None:
    gone = {"id": "cus_1", "object": "customer", "deleted": True}
    stripe.answer(status, gone if status == 200 else NOT_THERE)
    request = msgspec.structs.replace(asked_for(tenant), reference="cus_1")
    await provider.forget_customer(tenant, request)
    (asked,) = stripe.asked
    assert (asked.method, asked.path) == ("DELETE", "/v1/customers/cus_1")


async def test_a_paid_intent_names_the_card_that_it_left(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, INTENT)
    stripe.answer(200, CARD)
    found = await provider.saved_method(tenant, "cus_1", REQUEST.attempt_id, "pi_1")
    assert found == KNOWN


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, {**CARD, "customer": None}),
        (200, {**CARD, "customer": "cus_2"}),
        (200, {**CARD, "type": "sepa_debit", "card": None}),
        (404, NOT_THERE),
    ],
)
async def test_what_is_detached_or_somebody_else_s_is_none_of_the_customer_s(
    stripe: Canned,
    tenant: Context,
    provider: StripeProvider,
    status: int,
    body: dict[str, object],
) -> None:
    stripe.answer(status, body)
    assert await provider.fetch_method(tenant, "cus_1", "pm_1") is None


async def test_a_refused_detachment_is_no_failure_once_the_card_is_gone(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    for status, body in ((200, CARD), (400, REFUSED), (200, {**CARD, "customer": None})):
        stripe.answer(status, body)
    await provider.remove_method(tenant, "cus_1", "pm_1")
    assert [one.method for one in stripe.asked] == ["GET", "POST", "GET"]
    for status, body in ((200, CARD), (400, REFUSED), (200, CARD)):
        stripe.answer(status, body)
    with pytest.raises(InvalidRequestError):
        await provider.remove_method(tenant, "cus_1", "pm_1")


@pytest.mark.parametrize("what", ["detached", "automatically_updated", "updated"])
async def test_an_event_of_a_card_names_it(
    tenant: Context, provider: StripeProvider, what: str
) -> None:
    event = {
        "id": "evt_1", "type": f"payment_method.{what}", "livemode": False,
        "data": {"object": CARD},
    }  # fmt: skip
    body = msgspec.json.encode(event)
    read = await provider.read_webhook(tenant, sign(tenant, body), body)
    assert read == ProviderEvent(
        external_id="evt_1", kind=EventKind.METHOD_CHANGED, method_reference="pm_1"
    )


async def test_a_stripe_that_no_one_here_wrote_charges_and_detaches_a_kept_card(
    localstripe: LocalStripe, context: Context, provider: StripeProvider
) -> None:
    """localstripe attaches no card to the customer of a payment, so its owner does."""
    request = asked_for(context)
    customer = await provider.open_customer(context, request)
    card = localstripe.card("4242424242424242")
    localstripe.post(f"/v1/payment_methods/{card}/attach", {"customer": customer})
    kept = await provider.fetch_method(context, customer, card)
    assert kept is not None
    assert (kept.brand, kept.last_four) == ("visa", "4242")
    attempt_id = new_id("att")
    paid = await provider.create_payment(
        context,
        msgspec.structs.replace(
            REQUEST, attempt_id=attempt_id, idempotency_key=f"{attempt_id}:create:1",
            on_file=OnFile(customer=customer, method=card),
        ),
    )  # fmt: skip
    assert paid.status is OutcomeStatus.PROCESSED
    named = await provider.saved_method(context, customer, attempt_id, paid.reference or "")
    assert named == kept
    await provider.remove_method(context, customer, card)
    assert await provider.fetch_method(context, customer, card) is None
    known = msgspec.structs.replace(request, reference=customer)
    assert await provider.knows_customer(context, known)
    await provider.forget_customer(context, known)
    assert not await provider.knows_customer(context, known)
