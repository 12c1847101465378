"""The lab's Stripe is Stripe to Stripe's own SDK, and its webhooks are to Stripe's own verifier."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
import stripe
from stripe import StripeClient
from tests.servers.canned import Canned
from tests.servers.lab import LabServer

SECRET = "whsec_lab_12345678"
# The SDK hands its bodies to httpx in a way that httpx would rather not have.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content")
ASKS = "pm_card_authenticationRequired"
PAGE: Any = {
    "mode": "payment",
    "success_url": "https://game.example/back",
    "metadata": {"mine": "att_page"},
    "payment_intent_data": {"metadata": {"mine": "att_page"}},
    "line_items": [
        {
            "quantity": 1,
            "price_data": {
                "currency": "eur",
                "unit_amount": 499,
                "product_data": {"name": "500 gems"},
            },
        }
    ],
}


class Merchant:
    """An account at the lab, by the SDK, and where its webhooks go."""

    def __init__(self, lab: LabServer, sdk: StripeClient, hook: Canned) -> None:
        self.lab = lab
        self.sdk = sdk
        self.hook = hook

    def pay(self, method: str, key: str | None = None, **more: Any) -> stripe.PaymentIntent:
        params: Any = {
            "amount": 499, "currency": "eur", "payment_method": method, "confirm": True, **more,
        }  # fmt: skip
        options: Any = {} if key is None else {"idempotency_key": key}
        return self.sdk.v1.payment_intents.create(params, options)

    async def told(self, kind: str) -> stripe.Event:
        """Return a webhook of this kind, which Stripe's verifier believes."""
        got = await self.hook.wait_for(lambda asked: f'"{kind}"'.encode() in asked.body)
        signature = got.headers["stripe-signature"]
        return self.sdk.construct_event(got.body, signature, SECRET)


@pytest.fixture
async def merchant(lab: LabServer) -> AsyncIterator[Merchant]:
    async with Canned() as hook:
        key = f"sk_test_{secrets.token_hex(8)}"
        await asyncio.to_thread(
            lab.do, "/lab/stripe/accounts", secret_key=key, webhook_secret=SECRET,
            webhook_url=f"{hook.url}/hook",
        )  # fmt: skip
        http = stripe.HTTPXClient(allow_sync_methods=True)
        sdk = StripeClient(
            key, base_addresses={"api": lab.url}, max_network_retries=0, http_client=http
        )
        yield Merchant(lab, sdk, hook)
        http.close()
        await http.close_async()


async def test_a_card_pays_and_its_webhook_is_signed(merchant: Merchant) -> None:
    paid = await asyncio.to_thread(merchant.pay, "pm_card_visa", metadata={"mine": "att_1"})
    assert (paid.status, paid.amount_received, paid.currency) == ("succeeded", 499, "eur")
    event = await merchant.told("payment_intent.succeeded")
    assert event.data.object["id"] == paid.id


async def test_a_refused_card_is_a_card_error_with_its_intent(merchant: Merchant) -> None:
    with pytest.raises(stripe.CardError) as refused:
        await asyncio.to_thread(merchant.pay, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert refused.value.code == "card_declined"
    assert (refused.value.request_id or "").startswith("req_")
    body: Any = refused.value.json_body
    assert body["error"]["decline_code"] == "insufficient_funds"
    assert body["error"]["payment_intent"]["status"] == "requires_payment_method"


async def test_the_same_key_pays_once_and_takes_no_other_request(merchant: Merchant) -> None:
    first = await asyncio.to_thread(merchant.pay, "pm_card_visa", "key-1")
    again = await asyncio.to_thread(merchant.pay, "pm_card_visa", "key-1")
    assert first.id == again.id
    with pytest.raises(stripe.IdempotencyError, match="only be used with the same") as refused:
        await asyncio.to_thread(merchant.pay, "pm_card_visa", "key-1", amount=500)
    assert refused.value.code is None


async def test_a_stranger_s_key_is_not_accepted(merchant: Merchant, lab: LabServer) -> None:
    http = stripe.HTTPXClient(allow_sync_methods=True)
    other = StripeClient("sk_test_nobody", base_addresses={"api": lab.url}, http_client=http)
    with pytest.raises(stripe.AuthenticationError) as refused:
        await asyncio.to_thread(other.v1.accounts.retrieve_current)
    assert refused.value.code is None
    http.close()
    await http.close_async()


@pytest.mark.parametrize(
    ("success", "status"), [(True, "succeeded"), (False, "requires_payment_method")]
)
async def test_a_bank_that_asks_leads_to_a_page_and_back(
    merchant: Merchant, success: bool, status: str
) -> None:
    back = "https://game.example/back"
    asked = await asyncio.to_thread(merchant.pay, ASKS, return_url=back)
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.redirect_to_url is not None
    assert asked.next_action.redirect_to_url.return_url == back
    await asyncio.to_thread(
        merchant.lab.do, "/lab/stripe/authenticate", payment=asked.id, success=success
    )
    found = await asyncio.to_thread(merchant.sdk.v1.payment_intents.retrieve, asked.id)
    assert found.status == status
    assert (found.last_payment_error is None) is success


async def test_what_is_paid_cannot_be_canceled_or_refunded_twice(merchant: Merchant) -> None:
    paid = await asyncio.to_thread(merchant.pay, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError, match="cannot cancel") as refused:
        await asyncio.to_thread(merchant.sdk.v1.payment_intents.cancel, paid.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    refunds = merchant.sdk.v1.refunds
    given = await asyncio.to_thread(refunds.create, {"payment_intent": paid.id, "amount": 400})
    assert (given.status, given.amount) == ("succeeded", 400)
    with pytest.raises(stripe.InvalidRequestError, match="greater") as refused:
        await asyncio.to_thread(refunds.create, {"payment_intent": paid.id, "amount": 100})
    assert (refused.value.code, refused.value.param) == (None, "amount")
    await asyncio.to_thread(refunds.create, {"payment_intent": paid.id})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await asyncio.to_thread(refunds.create, {"payment_intent": paid.id})
    assert refused.value.code == "charge_already_refunded"
    assert (await merchant.told("refund.created")).data.object["payment_intent"] == paid.id


async def test_a_page_is_paid_once_and_then_has_its_intent(merchant: Merchant) -> None:
    sessions = merchant.sdk.v1.checkout.sessions
    page = await asyncio.to_thread(sessions.create, PAGE)
    assert (page.status, page.payment_status, page.payment_intent) == ("open", "unpaid", None)
    assert page.url
    await asyncio.to_thread(merchant.lab.do, "/lab/stripe/pay", session=page.id)
    done = await asyncio.to_thread(sessions.retrieve, page.id)
    assert (done.status, done.payment_status, done.amount_total) == ("complete", "paid", 499)
    event = await merchant.told("checkout.session.completed")
    assert event.data.object["payment_intent"] == done.payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`") as refused:
        await asyncio.to_thread(sessions.expire, page.id)
    assert refused.value.code is None


async def test_a_page_that_is_over_takes_no_money(merchant: Merchant) -> None:
    sessions = merchant.sdk.v1.checkout.sessions
    page = await asyncio.to_thread(sessions.create, PAGE)
    ended = await asyncio.to_thread(sessions.expire, page.id)
    assert (ended.status, ended.url) == ("expired", None)
    await asyncio.to_thread(merchant.lab.do, "/lab/stripe/pay", session=page.id)
    assert (await asyncio.to_thread(sessions.retrieve, page.id)).payment_intent is None
    assert await merchant.told("checkout.session.expired")


async def test_a_dispute_is_answered_once(merchant: Merchant) -> None:
    paid = await asyncio.to_thread(merchant.pay, "pm_card_visa")
    opened = await asyncio.to_thread(merchant.lab.do, "/lab/stripe/disputes", payment=paid.id)
    disputes = merchant.sdk.v1.disputes
    case = await asyncio.to_thread(disputes.retrieve, opened["id"])
    assert case.status == "needs_response"
    assert case.evidence_details.due_by == case.created + 7 * 86_400
    evidence: Any = {"evidence": {"product_description": "gems"}, "submit": True}
    done = await asyncio.to_thread(disputes.update, case.id, evidence)
    assert (done.status, done.evidence_details.submission_count) == ("under_review", 1)
    with pytest.raises(stripe.InvalidRequestError):
        await asyncio.to_thread(disputes.update, case.id, evidence)
    assert (await merchant.told("charge.dispute.funds_withdrawn")).data.object["id"] == case.id
