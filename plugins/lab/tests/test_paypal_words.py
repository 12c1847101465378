"""The lab's PayPal refuses each call by the words that PayPal publishes for it."""

from typing import Any

import httpx
import pytest
from plugins.lab.tests.merchant import MARK, Merchant, issue

from guildbank_lab.paypal import words

# By the status under which PayPal's OpenAPI document lists an issue; all others are 422.
BAD = {
    "INVALID_PARAMETER_SYNTAX", "INVALID_PARAMETER_VALUE", "INVALID_STRING_LENGTH",
    "MALFORMED_REQUEST_JSON", "MISSING_REQUIRED_PARAMETER",
}  # fmt: skip
STATUSES = {
    **dict.fromkeys(BAD, (400, "INVALID_REQUEST")),
    "CONSENT_NEEDED": (403, "NOT_AUTHORIZED"),
    "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING": (403, "NOT_AUTHORIZED"),
    "PERMISSION_DENIED": (403, "NOT_AUTHORIZED"),
    "INVALID_RESOURCE_ID": (404, "RESOURCE_NOT_FOUND"),
    "PREVIOUS_REQUEST_IN_PROGRESS": (409, "RESOURCE_CONFLICT"),
}
OF_ALL = (422, "UNPROCESSABLE_ENTITY")


def taken(answer: httpx.Response) -> dict[str, Any]:
    (unit,) = answer.json()["purchase_units"]
    return dict(unit["payments"]["captures"][0])


def told(answer: httpx.Response) -> tuple[str, tuple[int, str]]:
    return issue(answer), (answer.status_code, answer.json()["name"])


async def test_a_capture_is_refused_by_each_issue_with_its_status(merchant: Merchant) -> None:
    order = await merchant.approved()
    for word in sorted(words.OF_A_CAPTURE):
        await merchant.turn(order, "capture", word)
        assert told(await merchant.capture(order)) == (word, STATUSES.get(word, OF_ALL))
    assert (await merchant.capture(order)).status_code == 201


async def test_a_refund_is_refused_by_each_issue_with_its_status(merchant: Merchant) -> None:
    order, capture = await merchant.captured()
    for word in sorted(words.OF_A_REFUND):
        await merchant.turn(order, "refund", word)
        assert told(await merchant.refund(capture)) == (word, STATUSES.get(word, OF_ALL))
    assert (await merchant.refund(capture)).status_code == 201


async def test_a_new_order_and_a_change_are_refused_by_each_issue(merchant: Merchant) -> None:
    for word in sorted(words.OF_A_NEW_ORDER):
        await merchant.turn("never", "create", word)
        assert told(await merchant.try_order("never")) == (word, STATUSES.get(word, OF_ALL))
    order = await merchant.approved()
    change = [{"op": "replace", "path": MARK, "value": "it is over"}]
    for word in sorted(words.OF_A_CHANGE):
        await merchant.turn(order, "patch", word)
        answer = await merchant.call("PATCH", f"/v2/checkout/orders/{order}", change)
        assert told(answer) == (word, STATUSES.get(word, OF_ALL))


@pytest.mark.parametrize(
    ("at", "word"),
    [
        ("capture", "REFUND_NOT_ALLOWED"),
        ("refund", "INSTRUMENT_DECLINED"),
        ("create", "ORDER_NOT_APPROVED"),
        ("patch", "COMPLIANCE_VIOLATION"),
        ("refund", "PROCESSOR_5120"),
        ("get", "UNILATERAL"),
    ],
)
async def test_no_call_is_refused_by_what_another_has(
    at: str, word: str, merchant: Merchant
) -> None:
    switch = {"subject": "*", "at": at, "effect": word, "company": "paypal"}
    answer = await merchant.http.post("/lab/switches", json=switch)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "effect")


async def test_what_is_in_progress_is_answered_under_the_same_key_later(
    merchant: Merchant,
) -> None:
    order, capture = await merchant.captured()
    await merchant.turn(order, "refund", words.IN_PROGRESS)
    assert (await merchant.refund(capture, "1.00", key="once")).status_code == 409
    assert (await merchant.refund(capture, "1.00", key="once")).status_code == 201


@pytest.mark.parametrize("reason", sorted(words.WAITS_FOR))
async def test_a_capture_waits_for_each_reason(reason: str, merchant: Merchant) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", reason)
    capture = taken(await merchant.capture(order))
    assert (capture["status"], capture["status_details"]) == ("PENDING", {"reason": reason})


async def test_a_capture_that_paypal_takes_for_fraud_is_declined(merchant: Merchant) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", words.RISKY)
    capture = taken(await merchant.capture(order))
    assert (capture["status"], capture["status_details"]) == ("DECLINED", {"reason": words.RISKY})


@pytest.mark.parametrize("code", ["5120", "9520", "00N7", "PPRN"])
async def test_a_cards_processor_declines_by_its_code(code: str, merchant: Merchant) -> None:
    order = await merchant.approved()
    await merchant.turn(order, "capture", f"{words.BY_PROCESSOR}{code}")
    capture = taken(await merchant.capture(order))
    assert (capture["status"], capture["processor_response"]) == (
        "DECLINED", {"response_code": code},
    )  # fmt: skip
    assert "status_details" not in capture


async def paid_out(merchant: Merchant, name: str) -> httpx.Response:
    item = {
        "recipient_type": "EMAIL", "receiver": "earner@example.com", "sender_item_id": name,
        "amount": {"currency": "EUR", "value": "2.50"},
    }  # fmt: skip
    batch = {"sender_batch_header": {"sender_batch_id": name}, "items": [item]}
    return await merchant.call("POST", "/v1/payments/payouts", batch)


@pytest.mark.parametrize("word", sorted(words.OF_A_PAYOUT))
async def test_a_batch_is_refused_and_not_made(word: str, merchant: Merchant) -> None:
    await merchant.turn(f"pay-{word}", "payout", word)
    refused = await paid_out(merchant, f"pay-{word}")
    status = 422 if word == "INSUFFICIENT_FUNDS" else 403
    assert (refused.status_code, refused.json()["name"]) == (status, word)
    assert (await paid_out(merchant, f"pay-{word}")).status_code == 201


@pytest.mark.parametrize("word", sorted(words.FAILS_BY))
async def test_an_item_fails_by_each_reason(word: str, merchant: Merchant) -> None:
    await merchant.turn(f"pay-{word}", "payout", word)
    made = await paid_out(merchant, f"pay-{word}")
    assert made.status_code == 201
    (link,) = made.json()["links"]
    shown = (await merchant.http.get(link["href"])).json()
    (item,) = shown["items"]
    assert (item["transaction_status"], item["errors"]["name"]) == ("FAILED", word)
