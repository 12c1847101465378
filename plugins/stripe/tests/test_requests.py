"""What goes over the wire to Stripe, and what each of its answers is taken for."""

import urllib.parse
from collections.abc import AsyncIterator

import msgspec
import pytest
from stripe import StripeError
from tests.servers.canned import Canned

from guildbank.kernel import new_id
from guildbank.plugin_api import Context, OutcomeStatus, PaymentRequest, RefundRequest
from guildbank_stripe.plugin import StripeProvider

REQUEST = PaymentRequest(
    attempt_id=new_id("att"),
    idempotency_key="att_1:create:1",
    amount_minor=499,
    currency="EUR",
    description="500 coins",
    player_id="player_1",
    method="pm_card_visa",
)
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "status": "succeeded",
    "amount": 499,
    "amount_received": 499,
    "currency": "eur",
    "client_secret": "pi_1_secret_x",
    "metadata": {"guildbank_attempt": REQUEST.attempt_id, "guildbank_confirmed_by": "server"},
}
REFUND = RefundRequest(
    refund_id=new_id("ref"),
    idempotency_key="ref_1:refund:1",
    attempt_id=REQUEST.attempt_id,
    payment_reference="pi_1",
    amount_minor=100,
    currency="EUR",
    reason="duplicate",
)


@pytest.fixture
async def stripe() -> AsyncIterator[Canned]:
    async with Canned() as server:
        yield server


@pytest.fixture
def tenant(stripe: Canned, context: Context) -> Context:
    settings = {
        "secret_key": "sk_test_wire",
        "webhook_secret": "whsec_wire",
        "api_base": stripe.url,
        "statement_descriptor_suffix": "COINS",
    }
    return msgspec.structs.replace(context, settings=settings)


def a_list(*items: object) -> dict[str, object]:
    return {"object": "list", "data": items, "has_more": False, "url": "/v1/x"}


async def test_a_payment_says_what_it_is_for_and_bears_its_key(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, INTENT)
    paid = await provider.create_payment(tenant, REQUEST)
    assert (paid.status, paid.reference) == (OutcomeStatus.PROCESSED, "pi_1")
    (asked,) = stripe.asked
    assert (asked.method, asked.path) == ("POST", "/v1/payment_intents")
    assert asked.headers["idempotency-key"] == "att_1:create:1"
    assert asked.headers["authorization"] == "Bearer sk_test_wire"
    assert asked.form == {
        "amount": "499",
        "currency": "eur",
        "metadata[guildbank_attempt]": REQUEST.attempt_id,
        "metadata[guildbank_player]": "player_1",
        "metadata[guildbank_confirmed_by]": "server",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "description": "500 coins",
        "statement_descriptor_suffix": "COINS",
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }


async def test_a_return_address_allows_methods_that_leave_the_page(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    action = {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank.example/x"}}
    stripe.answer(200, {**INTENT, "status": "requires_action", "next_action": action})
    request = msgspec.structs.replace(REQUEST, return_url="https://game.example/back")
    asked = await provider.create_payment(tenant, request)
    assert asked.next_action
    assert (asked.next_action.kind, asked.next_action.url) == ("redirect", "https://bank.example/x")
    assert stripe.asked[0].form["return_url"] == "https://game.example/back"
    assert "automatic_payment_methods[enabled]" not in stripe.asked[0].form


async def test_the_amount_that_stripe_received_is_told_and_not_the_one_we_asked_for(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, {**INTENT, "amount_received": 450, "currency": "usd"})
    paid = await provider.create_payment(tenant, REQUEST)
    assert (paid.amount_minor, paid.currency) == (450, "USD")


async def test_an_amount_that_stripe_cannot_express_is_declined_without_asking(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    request = msgspec.structs.replace(REQUEST, amount_minor=5124, currency="KWD")
    refused = await provider.create_payment(tenant, request)
    assert (refused.status, refused.code) == (OutcomeStatus.DECLINED, "amount_not_expressible")
    assert not stripe.asked


async def test_a_refused_card_is_declined_with_the_banks_code(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    error = {
        "type": "card_error",
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "message": "Your card has insufficient funds.",
        "payment_intent": {**INTENT, "status": "requires_payment_method"},
    }
    stripe.answer(402, {"error": error})
    refused = await provider.create_payment(tenant, REQUEST)
    assert (refused.status, refused.code) == (OutcomeStatus.DECLINED, "insufficient_funds")
    assert refused.reference == "pi_1"
    assert refused.message == "Your card has insufficient funds."


async def test_an_error_about_an_intent_that_was_paid_is_no_decline(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    error = {"type": "invalid_request_error", "code": "odd", "payment_intent": INTENT}
    stripe.answer(400, {"error": error})
    with pytest.raises(StripeError):
        await provider.create_payment(tenant, REQUEST)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        pytest.param(400, {"error": {"type": "idempotency_error"}}, id="key with other parameters"),
        pytest.param(401, {"error": {"type": "invalid_request_error"}}, id="key not accepted"),
        pytest.param(403, {"error": {"type": "invalid_request_error"}}, id="key not allowed"),
        pytest.param(409, {"error": {"type": "idempotency_error"}}, id="same key at work"),
        pytest.param(429, {"error": {"type": "rate_limit"}}, id="too many requests"),
        pytest.param(500, {"error": {"type": "api_error"}}, id="their error"),
        pytest.param(503, {}, id="their outage"),
        pytest.param(200, {}, id="an answer that is no intent"),
        pytest.param(200, {**INTENT, "amount": None}, id="an intent without an amount"),
    ],
)
async def test_what_is_not_a_clear_answer_is_raised_and_not_sent_again(
    status: int, answer: object, stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(status, answer)
    with pytest.raises((StripeError, msgspec.ValidationError)) as raised:
        await provider.create_payment(tenant, REQUEST)
    assert len(stripe.asked) == 1
    assert "sk_test_wire" not in repr(raised.value)


async def test_a_bank_that_takes_its_time_is_pending(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, {**INTENT, "status": "processing", "amount_received": 0})
    outcome = await provider.create_payment(tenant, REQUEST)
    assert (outcome.status, outcome.reference) == (OutcomeStatus.PENDING, "pi_1")
    assert (outcome.amount_minor, outcome.next_action) == (None, None)


async def test_a_state_that_we_do_not_know_is_unknown(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, {**INTENT, "status": "levitating"})
    outcome = await provider.create_payment(tenant, REQUEST)
    assert (outcome.status, outcome.code) == (OutcomeStatus.UNKNOWN, "levitating")


async def test_a_lost_payment_is_found_by_searching_for_our_attempt(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, {**a_list(INTENT), "object": "search_result"})
    found = await provider.fetch_payment(tenant, REQUEST.attempt_id, None)
    assert (found.status, found.reference) == (OutcomeStatus.PROCESSED, "pi_1")
    (asked,) = stripe.asked
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.path).query)["query"]
    assert query == [f"metadata['guildbank_attempt']:'{REQUEST.attempt_id}'"]


async def test_a_search_that_lags_is_made_good_by_the_list_of_newer_payments(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, {**a_list(), "object": "search_result"})
    stripe.answer(200, a_list({**INTENT, "id": "pi_0", "metadata": {}}, INTENT))
    found = await provider.fetch_payment(tenant, REQUEST.attempt_id, None)
    assert found.reference == "pi_1"
    assert "created[gte]=" in urllib.parse.unquote(stripe.asked[1].path)


async def test_a_refund_that_is_already_there_is_not_sent_again(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    earlier = {
        "id": "re_1",
        "object": "refund",
        "status": "failed",
        "failure_reason": "lost_or_stolen_card",
        "amount": 100,
        "currency": "eur",
        "metadata": {"guildbank_refund": REFUND.refund_id},
    }
    stripe.answer(200, a_list(earlier))
    outcome = await provider.refund(tenant, REFUND)
    assert (outcome.status, outcome.code) == (OutcomeStatus.DECLINED, "lost_or_stolen_card")
    assert [asked.method for asked in stripe.asked] == ["GET"]


async def test_a_refund_bears_its_key_and_our_references(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, a_list())
    stripe.answer(400, {"error": {"code": "charge_already_refunded"}})
    outcome = await provider.refund(tenant, REFUND)
    assert (outcome.status, outcome.code) == (OutcomeStatus.DECLINED, "charge_already_refunded")
    sent = stripe.asked[1]
    assert sent.headers["idempotency-key"] == "ref_1:refund:1"
    assert sent.form == {
        "payment_intent": "pi_1",
        "amount": "100",
        "metadata[guildbank_refund]": REFUND.refund_id,
        "metadata[guildbank_attempt]": REFUND.attempt_id,
        "reason": "duplicate",
    }
