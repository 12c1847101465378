"""Banks decline at the lab's Stripe by every word that Stripe publishes."""

import asyncio
from typing import Any

import pytest
import stripe
from plugins.lab.tests.test_stripe import ASKS, PAGE, Merchant, merchant

from guildbank_lab.stripe.declines import CODES

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
    assert said["decline_code"] == code
    assert said["code"] in ("card_declined", code)
    assert said["payment_intent"]["status"] == "requires_payment_method"
    find = merchant.sdk.v1.payment_intents.retrieve
    found = await asyncio.to_thread(find, said["payment_intent"]["id"])
    assert found.last_payment_error is not None
    assert found.last_payment_error.decline_code == code
    assert found.amount_received == 0


async def test_codes_that_are_errors_of_their_own_are_told_as_such(merchant: Merchant) -> None:
    for code, error in (("expired_card", "expired_card"), ("stolen_card", "card_declined")):
        await asyncio.to_thread(merchant.lab.turn, "*", "create", code)
        with pytest.raises(stripe.CardError) as refused:
            await asyncio.to_thread(merchant.pay, "pm_card_visa")
        assert refused.value.code == error


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
