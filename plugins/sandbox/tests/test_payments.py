"""Payments through the plugin: each method ends as its name says, and none is taken twice."""

from datetime import timedelta

import msgspec
import pytest
from plugins.sandbox.tests.shop import Shop, eventually, stays_so

from guildbank.plugin_api import OutcomeStatus
from guildbank_sandbox.plugin import PLUGIN

CREATE = {"reference": "att_1", "amount_minor": 499, "currency": "EUR"}


async def test_an_instant_payment_is_processed_and_its_webhook_arrives(shop: Shop):
    request = shop.request()
    paid = await PLUGIN.create_payment(shop.context(), request)
    assert (paid.status, paid.amount_minor, paid.currency) == ("processed", 499, "EUR")
    eventually(lambda: shop.kinds() == ["payment.captured"])
    _, event = shop.events()[0]
    assert (event.attempt_id, event.payment_reference) == (request.attempt_id, paid.reference)


async def test_a_declined_payment_gives_the_banks_code(shop: Shop):
    outcome = await PLUGIN.create_payment(shop.context(), shop.request("instant_decline"))
    assert (outcome.status, outcome.code) == ("declined", "card_declined")
    assert outcome.amount_minor is None
    eventually(lambda: shop.kinds() == ["payment.declined"])


async def test_without_a_method_the_player_is_sent_to_the_checkout_page(shop: Shop):
    outcome = await PLUGIN.create_payment(shop.context(), shop.request(None))
    assert outcome.status is OutcomeStatus.PENDING
    assert outcome.next_action is not None
    assert outcome.next_action.url == f"{shop.server.url}/checkout/{outcome.reference}"


@pytest.mark.parametrize(
    ("method", "amount", "currency"),
    [("instant_wrong_amount", 498, "EUR"), ("instant_wrong_currency", 499, "USD")],
)
async def test_a_wrong_capture_is_reported_as_it_happened(
    shop: Shop, method: str, amount: int, currency: str
):
    outcome = await PLUGIN.create_payment(shop.context(), shop.request(method))
    assert (outcome.status, outcome.amount_minor, outcome.currency) == (
        "processed",
        amount,
        currency,
    )


@pytest.mark.parametrize("method", ["instant_timeout", "instant_timeout_silent"])
async def test_a_payment_captured_behind_a_time_out_raises_and_is_found_later(
    shop: Shop, method: str
):
    request, context = shop.request(method), shop.context(timeout_seconds=1)
    with pytest.raises(TimeoutError):
        await PLUGIN.create_payment(context, request)
    found = await PLUGIN.fetch_payment(context, request.attempt_id, None)
    assert (found.status, found.amount_minor) == ("processed", 499)
    again = await PLUGIN.create_payment(context, request)
    assert again.reference == found.reference


async def test_a_server_error_is_never_an_outcome(shop: Shop):
    for method, found_as in (("instant_error", "processed"), ("instant_lost", "unknown")):
        request = shop.request(method)
        with pytest.raises(Exception, match="status 500"):
            await PLUGIN.create_payment(shop.context(), request)
        found = await PLUGIN.fetch_payment(shop.context(), request.attempt_id, None)
        assert found.status == found_as


async def test_a_lost_payment_is_certainly_gone_once_no_request_can_be_under_way(shop: Shop):
    request, now = shop.request("instant_lost"), shop.context()
    later = msgspec.structs.replace(now, now=now.now + timedelta(minutes=2))
    for ask in (PLUGIN.fetch_payment, PLUGIN.cancel_payment):
        assert (await ask(now, request.attempt_id, None)).status == "unknown"
        gone = await ask(later, request.attempt_id, None)
        assert (gone.status, gone.code) == ("canceled", "not_found")


async def test_a_pending_payment_is_captured_by_itself(shop: Shop):
    request = shop.request("instant_pending")
    outcome = await PLUGIN.create_payment(shop.context(), request)
    assert (outcome.status, outcome.next_action) == ("pending", None)
    eventually(lambda: shop.kinds() == ["payment.pending", "payment.captured"])
    found = await PLUGIN.fetch_payment(shop.context(), request.attempt_id, outcome.reference)
    assert found.status is OutcomeStatus.PROCESSED


async def test_a_canceled_payment_is_not_captured_even_when_it_was_on_its_way(shop: Shop):
    request = shop.request("instant_pending")
    made = await PLUGIN.create_payment(shop.context(), request)
    canceled = await PLUGIN.cancel_payment(shop.context(), request.attempt_id, None)
    assert canceled.status is OutcomeStatus.CANCELED
    eventually(lambda: "payment.canceled" in shop.kinds())
    assert made.reference is not None
    # Longer than the capture was late.
    stays_so(lambda: shop.payment(made.reference or "")["captured_minor"] == 0, 1)


async def test_the_same_key_answers_the_same_and_another_request_is_refused(shop: Shop):
    first = shop.post("/payments", {**CREATE, "method": "instant"}, "key-1")
    again = shop.post("/payments", {**CREATE, "method": "instant"}, "key-1")
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    other = shop.post("/payments", {**CREATE, "method": "instant", "amount_minor": 500}, "key-1")
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    taken = shop.post("/payments", {**CREATE, "method": "instant"}, "key-2")
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "reference_taken")


async def test_a_key_or_reference_used_for_something_else_is_unknown_to_the_core(shop: Shop):
    request = shop.request()
    await PLUGIN.create_payment(shop.context(), request)
    other_amount = msgspec.structs.replace(request, amount_minor=500)
    other_key = msgspec.structs.replace(request, idempotency_key="another")
    for changed in (other_amount, other_key):
        outcome = await PLUGIN.create_payment(shop.context(), changed)
        assert outcome.status is OutcomeStatus.UNKNOWN


async def test_mistakes_in_a_request_did_not_happen_and_a_wrong_key_says_nothing(shop: Shop):
    for changed in ({"currency": "XXZ"}, {"method": "cash"}, {"return_url": "javascript:alert(1)"}):
        outcome = await PLUGIN.create_payment(shop.context(), shop.request(**changed))
        assert outcome.status is OutcomeStatus.CANCELED, changed
        assert outcome.message
    stranger = shop.context(api_key="key_of_nobody")
    outcome = await PLUGIN.create_payment(stranger, shop.request())
    assert (outcome.status, outcome.code) == ("unknown", "unauthorized")
    with pytest.raises(Exception, match="unauthorized"):
        await PLUGIN.fetch_payment(stranger, "att_1", None)


async def test_the_connection_test_names_the_account(shop: Shop):
    assert "Ember Isle" in await PLUGIN.test_connection(shop.context())


async def test_one_account_does_not_see_the_payments_of_another(shop: Shop):
    request = shop.request()
    paid = await PLUGIN.create_payment(shop.context(), request)
    other = shop.server.open_account("Another")
    elsewhere = shop.context(**other)
    found = await PLUGIN.fetch_payment(elsewhere, request.attempt_id, paid.reference)
    assert (found.status, found.code) == ("canceled", "not_found")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": -1}, "amount_minor"),
        ({"amount_minor": 4.99}, "amount_minor"),
        ({"amount_minor": 2**53}, "amount_minor"),
        ({"currency": "euro"}, "currency"),
        ({"reference": ""}, "reference"),
        ({"reference": "a\u0000b"}, "reference"),
        ({"extra": 1}, None),
        ({"webhook_url": "https://example.org/hook"}, "webhook_url"),
        ({"webhook_url": "http://127.0.0.1@example.org/hook"}, "webhook_url"),
        ({"webhook_url": "http://127.0.0.1.example.org/"}, "webhook_url"),
        ({"return_url": "data:text/html,x"}, "return_url"),
    ],
)
def test_bad_input_is_a_400_that_names_the_field(shop: Shop, changed: dict[str, object], field):
    answer = shop.post("/payments", {**CREATE, **changed}, "key-1")
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == field
    assert shop.http.get("/v1/payments?reference=att_1").json() == {"items": []}


def test_what_is_not_a_request_of_a_merchant_is_turned_away(shop: Shop):
    def status(**parts: object) -> int:
        facts = {"content": b"{}", "headers": {"Content-Type": "application/json"}, **parts}
        return shop.http.post("/v1/payments", **facts).status_code  # type: ignore[arg-type]

    json = {"Content-Type": "application/json", "Idempotency-Key": "k"}
    assert status() == 400  # no idempotency key
    assert status(headers={**json, "Authorization": "Bearer nobody"}) == 401
    assert status(headers={**json, "Content-Type": "text/plain"}) == 415
    assert status(headers={**json, "Host": "rebound.example.org"}) == 421
    for nonsense in (b"", b"{", b"\xff", b"[" * 30_000, b"null"):
        assert status(headers=json, content=nonsense) == 400
    # The last one: the server ends a connection whose body it did not read to the end.
    assert status(headers=json, content=b" " * 100_000) == 413
