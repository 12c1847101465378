"""Banks decline at the lab's Stripe by every word that Stripe publishes."""

import asyncio
from typing import Any

import pytest
import stripe
from plugins.lab.tests.test_stripe import ASKS, PAGE, Merchant, merchant

from guildbank_lab.stripe.declines import CODES, ERRORS, PARTNER_CODES

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content")
__all__ = ["merchant"]


@pytest.mark.parametrize("code", CODES)
async def test_a_card_is_declined_by_each_code(merchant: Merchant, code: str) -> None:
    payment = f"att_{code}"
    await asyncio.to_thread(merchant.lab.turn, payment, "create", code.upper())
    with pytest.raises(stripe.CardError) as refused:
        await asyncio.to_thread(merchant.pay, "pm_card_visa", metadata={"mine": payment})
    body: Any = refused.value.json_body
    said = body["error"]
    assert (refused.value.http_status, said["type"]) == (402, "card_error")
    # What is an error by a code of its own bears no decline code beside it.
    own = code in ERRORS
    main = "authentication_required" if code.startswith("authentication_") else "card_declined"
    assert (said["code"], said.get("decline_code")) == ((code, None) if own else (main, code))
    assert said["doc_url"].endswith(f"/error-codes/{said['code'].replace('_', '-')}")
    assert said["charge"].startswith("ch_")
    assert said["payment_method"]["card"]["last4"] == "4242"
    assert said["payment_intent"]["status"] == "requires_payment_method"
    find = merchant.sdk.v1.payment_intents.retrieve
    found = await asyncio.to_thread(find, said["payment_intent"]["id"])
    assert found.last_payment_error is not None
    assert found.last_payment_error.to_dict() == {
        name: value for name, value in said.items() if name != "payment_intent"
    }
    assert (found.amount_received, found.payment_method) == (0, None)


@pytest.mark.parametrize(
    ("method", "code", "more"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined",
         {"decline_code": "generic_decline", "advice_code": "try_again_later",
          "network_decline_code": "01"}),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", {"decline_code": "lost_card"}),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", {"decline_code": "stolen_card"}),
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined",
         {"decline_code": "card_velocity_exceeded"}),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", {"param": "exp_month"}),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", {"param": "cvc"}),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", {}),
    ],
)  # fmt: skip
async def test_stripes_test_cards_are_declined_as_stripe_says(
    merchant: Merchant, method: str, code: str, more: dict[str, str]
) -> None:
    with pytest.raises(stripe.CardError) as refused:
        await asyncio.to_thread(merchant.pay, method)
    body: Any = refused.value.json_body
    assert (refused.value.code, more.items() <= body["error"].items()) == (code, True)


@pytest.mark.parametrize("code", PARTNER_CODES)
async def test_who_runs_another_way_to_pay_declines_by_each_code(
    merchant: Merchant, code: str
) -> None:
    sessions = merchant.sdk.v1.checkout.sessions
    page = await asyncio.to_thread(sessions.create, PAGE)
    await asyncio.to_thread(merchant.lab.do, "/lab/stripe/pay", session=page.id, later=True)
    await asyncio.to_thread(merchant.lab.turn, "*", "arrive", code.upper())
    await asyncio.to_thread(merchant.lab.do, "/lab/stripe/arrive", session=page.id, success=False)
    done = await asyncio.to_thread(sessions.retrieve, page.id)
    found = await asyncio.to_thread(
        merchant.sdk.v1.payment_intents.retrieve, str(done.payment_intent)
    )
    said = found.last_payment_error
    assert said is not None
    assert (said.code, said.decline_code) == ("payment_method_provider_decline", code)


async def test_who_fails_at_the_bank_is_charged_nothing(merchant: Merchant) -> None:
    asked = await asyncio.to_thread(merchant.pay, ASKS, return_url="https://game.example/back")
    await asyncio.to_thread(
        merchant.lab.do, "/lab/stripe/authenticate", payment=asked.id, success=False
    )
    found = await asyncio.to_thread(merchant.sdk.v1.payment_intents.retrieve, asked.id)
    said = found.last_payment_error
    assert said is not None
    assert (said.type, said.code) == (
        "invalid_request_error", "payment_intent_authentication_failure",
    )  # fmt: skip
    assert "charge" not in said.to_dict()


async def test_the_next_try_pays_and_the_failed_one_is_told(merchant: Merchant) -> None:
    await asyncio.to_thread(merchant.lab.turn, "att_once", "create", "DO_NOT_HONOR")
    with pytest.raises(stripe.CardError):
        await asyncio.to_thread(merchant.pay, "pm_card_visa", metadata={"mine": "att_once"})
    event = await merchant.told("payment_intent.payment_failed")
    assert event.data.object["last_payment_error"]["decline_code"] == "do_not_honor"
    paid = await asyncio.to_thread(merchant.pay, "pm_card_visa", metadata={"mine": "att_once"})
    assert paid.status == "succeeded"


async def test_a_bank_declines_who_confirmed_there(merchant: Merchant) -> None:
    asked = await asyncio.to_thread(merchant.pay, ASKS, return_url="https://game.example/back")
    await asyncio.to_thread(merchant.lab.turn, asked.id, "confirm", "STOLEN_CARD")
    await asyncio.to_thread(
        merchant.lab.do, "/lab/stripe/authenticate", payment=asked.id, success=True
    )
    found = await asyncio.to_thread(merchant.sdk.v1.payment_intents.retrieve, asked.id)
    assert found.status == "requires_payment_method"
    assert found.last_payment_error is not None
    assert found.last_payment_error.decline_code == "stolen_card"


async def test_a_page_stays_open_where_the_bank_declines(merchant: Merchant) -> None:
    sessions = merchant.sdk.v1.checkout.sessions
    # What declines a card does not touch a page, on which nobody has paid yet.
    await asyncio.to_thread(merchant.lab.turn, "att_page", "create", "LOST_CARD")
    page = await asyncio.to_thread(sessions.create, PAGE)
    await asyncio.to_thread(merchant.lab.turn, page.id, "confirm", "INSUFFICIENT_FUNDS")
    shown = await asyncio.to_thread(merchant.lab.choose, f"/stripe/pay/{page.id}", "pay")
    assert "insufficient funds" in shown
    assert (await asyncio.to_thread(sessions.retrieve, page.id)).status == "open"
    await asyncio.to_thread(merchant.lab.do, "/lab/stripe/pay", session=page.id)
    assert (await asyncio.to_thread(sessions.retrieve, page.id)).payment_status == "paid"
    await asyncio.to_thread(merchant.lab.clear)
