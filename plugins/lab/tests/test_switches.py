"""Each switch does what it says, to the payment that it names, as often as it says."""

import asyncio
import time

import httpx
import pytest
from plugins.lab.tests.merchant import Merchant, event_of, issue
from tests.servers.canned import Asked


async def given_up(merchant: Merchant, order: str) -> None:
    """Ask for a capture and go away before an answer comes."""
    with pytest.raises(httpx.ReadTimeout):
        await merchant.http.post(f"/v2/checkout/orders/{order}/capture", json={}, timeout=0.3)


async def test_silence_takes_the_money_and_does_not_say_so(merchant: Merchant) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", "silence")
    await given_up(merchant, order)
    assert (await merchant.show(order))["status"] == "COMPLETED"


async def test_a_lost_request_takes_nothing(merchant: Merchant) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", "lost")
    await given_up(merchant, order)
    assert (await merchant.show(order))["status"] == "APPROVED"


@pytest.mark.parametrize(
    ("effect", "status"), [("error_before", "APPROVED"), ("error_after", "COMPLETED")]
)
async def test_an_error_comes_before_or_after_the_money(
    effect: str, status: str, merchant: Merchant
) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", effect)
    assert (await merchant.capture(order)).status_code == 500
    assert (await merchant.show(order))["status"] == status


async def test_a_delay_is_only_late(merchant: Merchant) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", "delay", s=0.4)
    began = time.monotonic()
    assert (await merchant.capture(order)).status_code == 201
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize(
    "word", ["INSTRUMENT_DECLINED", "TRANSACTION_REFUSED", "PAYER_ACTION_REQUIRED"]
)
async def test_a_word_of_paypals_refuses_with_it(word: str, merchant: Merchant) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", word, times=2)
    assert [issue(await merchant.capture(order)) for _ in range(2)] == [word, word]
    assert (await merchant.capture(order)).status_code == 201


async def test_times_zero_is_always_and_other_payments_go_well(merchant: Merchant) -> None:
    order, other = await merchant.approved(), await merchant.approved()
    await merchant.turn(order, "capture", "TRANSACTION_REFUSED", times=0)
    assert [(await merchant.capture(order)).status_code for _ in range(4)] == [422] * 4
    assert (await merchant.capture(other)).status_code == 201


async def test_a_payment_can_be_named_before_it_is_there(merchant: Merchant) -> None:
    await merchant.turn("my-order-7", "create", "error_before")
    assert (await merchant.try_order("my-order-8")).status_code == 201
    assert (await merchant.try_order("my-order-7")).status_code == 500
    assert (await merchant.try_order("my-order-7")).status_code == 201


async def test_a_pending_capture_ends_as_it_is_told(merchant: Merchant) -> None:
    for status, kind in (
        ("COMPLETED", "PAYMENT.CAPTURE.COMPLETED"),
        ("DECLINED", "PAYMENT.CAPTURE.DENIED"),
    ):
        order = await merchant.approved()
        await merchant.turn(order, "capture", "PENDING")
        await merchant.capture(order)
        await merchant.heard("PAYMENT.CAPTURE.PENDING")
        await merchant.at_lab("/lab/paypal/settle", order=order, status=status)
        await merchant.heard(kind)
        shown = await merchant.show(order)
        assert shown["purchase_units"][0]["payments"]["captures"][0]["status"] == status


async def test_duplicates_are_the_same_event_three_times(merchant: Merchant) -> None:
    order = await merchant.order()
    await merchant.turn(order["id"], "webhook", "duplicate")
    await merchant.at_lab("/lab/paypal/approve", order=order["id"])
    await heard(merchant, 3)
    assert len({event_of(asked)["id"] for asked in merchant.ears.asked}) == 1


async def test_a_reordered_webhook_comes_after_the_next(merchant: Merchant) -> None:
    order = await merchant.order()
    await merchant.turn(order["id"], "webhook", "reordered")
    await merchant.at_lab("/lab/paypal/approve", order=order["id"])
    await merchant.capture(order["id"])
    await heard(merchant, 2)
    assert merchant.kinds() == ["PAYMENT.CAPTURE.COMPLETED", "CHECKOUT.ORDER.APPROVED"]


async def test_an_unsent_webhook_never_comes(merchant: Merchant) -> None:
    order = await merchant.order()
    await merchant.turn(order["id"], "webhook", "unsent")
    await merchant.at_lab("/lab/paypal/approve", order=order["id"])
    await merchant.capture(order["id"])
    await merchant.heard("PAYMENT.CAPTURE.COMPLETED")
    assert merchant.kinds() == ["PAYMENT.CAPTURE.COMPLETED"]


async def test_a_webhook_is_tried_again_until_it_is_taken(merchant: Merchant) -> None:
    merchant.ears.answer(500, {})
    merchant.ears.answer(400, {})
    await merchant.approved()
    await heard(merchant, 3)
    first, *others = merchant.ears.asked
    assert {asked.body for asked in others} == {first.body}


async def test_a_dispute_is_told_when_it_is_opened_and_resolved(merchant: Merchant) -> None:
    order, capture = await merchant.captured()
    case = await merchant.at_lab("/lab/paypal/disputes", order=order, value="2.00")
    opened = event_of(await merchant.heard("CUSTOMER.DISPUTE.CREATED"))["resource"]
    assert opened["disputed_transactions"][0]["seller_transaction_id"] == capture
    assert opened["dispute_amount"] == {"currency_code": "EUR", "value": "2.00"}
    path = f"/lab/paypal/disputes/{case['dispute_id']}/resolve"
    await merchant.at_lab(path, outcome="RESOLVED_BUYER_FAVOUR", refunded="1.50")
    resolved = event_of(await merchant.heard("CUSTOMER.DISPUTE.RESOLVED"))["resource"]
    assert resolved["dispute_outcome"] == {
        "outcome_code": "RESOLVED_BUYER_FAVOUR",
        "amount_refunded": {"currency_code": "EUR", "value": "1.50"},
    }


@pytest.mark.parametrize(
    ("field", "switch"),
    [
        ("at", {"at": "moon", "effect": "silence"}),
        ("at", {"at": "webhook", "effect": "forged", "company": "steam"}),
        ("at", {"at": "token", "effect": "silence", "company": "stripe"}),
        ("at", {"at": "evidence", "effect": "silence", "company": "paypal"}),
        ("at", {"at": "create", "effect": "silence", "company": "apple"}),
        ("at", {"at": "cancel", "effect": "silence", "company": "google"}),
        ("effect", {"at": "capture", "effect": "forged"}),
        ("effect", {"at": "webhook", "effect": "silence"}),
        ("effect", {"at": "capture", "effect": "no such thing"}),
        ("effect", {"at": "create", "effect": "NO_SUCH_CODE", "company": "stripe"}),
        ("effect", {"at": "create", "effect": "LOST_CARD", "company": "paypal"}),
        ("effect", {"at": "capture", "effect": "ERROR_99", "company": "steam"}),
        ("effect", {"at": "get", "effect": "PENDING", "company": "apple"}),
        ("effect", {"at": "get", "effect": "STRANGER", "company": "google"}),
        ("effect", {"at": "webhook", "effect": "never_told", "company": "stripe"}),
        ("effect", {"at": "confirm", "effect": "silence"}),
        ("company", {"at": "capture", "effect": "silence", "company": "adyen"}),
        ("seconds", {"at": "capture", "effect": "delay", "seconds": 10_000}),
        ("times", {"at": "capture", "effect": "silence", "times": -1}),
        ("times", {"at": "capture", "effect": "silence", "times": "often"}),
        ("subject", {"at": "capture", "effect": "silence", "subject": ""}),
        ("effect", {"at": "capture"}),
    ],
    ids=lambda given: given if isinstance(given, str) else " ".join(map(str, given.values())),
)
async def test_a_switch_that_means_nothing_is_refused_by_its_field(
    field: str, switch: dict[str, object], merchant: Merchant
) -> None:
    before = (await merchant.http.get("/")).text
    answer = await merchant.http.post("/lab/switches", json={"subject": "*", **switch})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field)
    assert (await merchant.http.get("/")).text == before


async def test_a_switch_without_a_subject_or_a_body_is_refused(merchant: Merchant) -> None:
    switch = {"at": "capture", "effect": "silence"}
    answer = await merchant.http.post("/lab/switches", json=switch)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "subject")
    answer = await merchant.http.post("/lab/switches", content=b"{")
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "body")


async def test_a_switch_waits_for_the_company_that_can_do_as_it_says(merchant: Merchant) -> None:
    await merchant.turn("*", "create", "LOST_CARD")
    assert (await merchant.order())["status"] == "PAYER_ACTION_REQUIRED"
    assert "LOST_CARD" in (await merchant.http.get("/")).text
    await merchant.http.delete("/lab/switches")


async def heard(merchant: Merchant, count: int) -> None:
    """Wait until this many webhooks have come, and a moment longer for one too many."""

    def enough(_: Asked) -> bool:
        return len(merchant.ears.asked) >= count

    await merchant.ears.wait_for(enough)
    await asyncio.sleep(0.2)
    assert len(merchant.ears.asked) == count
