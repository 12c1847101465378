"""Each word by which PayPal refuses a capture or a refund is taken for what PayPal says of it."""

from typing import Any

import pytest
from plugins.paypal.tests import published
from plugins.paypal.tests.test_requests import TOKEN, canned, context, look, order_of, provider
from tests.servers.canned import Canned

from guildbank.kernel import new_id
from guildbank.plugin_api import Context, Decline, Outcome, OutcomeStatus, RefundRequest
from guildbank_lab.paypal import words
from guildbank_paypal.client import PayPalFailed
from guildbank_paypal.declines import FOR_GOOD, PLAYER_AGAIN
from guildbank_paypal.plugin import PayPalProvider
from guildbank_paypal.processors import TABLE

__all__ = ["canned", "context", "provider"]

DONE = {"ORDER_ALREADY_CAPTURED"}
LEFT_OPEN = {
    # Ours to mend, or the merchant's; the order may be paid once it is mended.
    "AGREEMENT_ALREADY_CANCELLED", "BILLING_AGREEMENT_NOT_FOUND", "CONSENT_NEEDED",
    "DUPLICATE_INVOICE_ID", "INVALID_PARAMETER_SYNTAX", "INVALID_PARAMETER_VALUE",
    "INVALID_STRING_LENGTH", "MALFORMED_REQUEST_JSON", "MISSING_REQUIRED_PARAMETER",
    "NOT_ELIGIBLE_FOR_TOKEN_PROCESSING", "PAYEE_FX_RATE_ID_EXPIRED", "PERMISSION_DENIED",
    # Another request or PayPal itself may be taking the money.
    "DECLINED_DUE_TO_RELATED_TXN", "INVALID_RESOURCE_ID", "ORDER_COMPLETION_IN_PROGRESS",
    "PREVIOUS_REQUEST_IN_PROGRESS",
}  # fmt: skip


def error(issue: str) -> dict[str, Any]:
    return {"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue, "description": "No."}]}


def test_each_issue_of_a_capture_is_sorted() -> None:
    sorted_ = [PLAYER_AGAIN, set(FOR_GOOD), DONE, LEFT_OPEN]
    assert set().union(*sorted_) == words.OF_A_CAPTURE
    assert sum(map(len, sorted_)) == len(words.OF_A_CAPTURE)


@pytest.mark.parametrize("issue", sorted(PLAYER_AGAIN))
async def test_what_the_buyer_can_mend_leads_back_to_paypal(
    issue: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    outcome = await look(provider, context, canned, (422, error(issue)))
    assert (outcome.status, outcome.code) == (OutcomeStatus.PENDING, issue)
    assert outcome.next_action is not None


@pytest.mark.parametrize(("issue", "decline"), sorted(FOR_GOOD.items()))
async def test_what_nobody_can_mend_ends_the_order(
    issue: str, decline: Decline, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    def marked(known: Any) -> object:
        return order_of(known["attempt"], f"/declined/{issue}")

    outcome = await look(provider, context, canned, (422, error(issue)), (204, None), (200, marked))
    assert (outcome.status, outcome.code) == (OutcomeStatus.DECLINED, issue)
    assert outcome.decline is decline


@pytest.mark.parametrize("issue", sorted(LEFT_OPEN))
async def test_all_else_leaves_the_payment_as_it_is(
    issue: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    with pytest.raises(PayPalFailed):
        await look(provider, context, canned, (422, error(issue)))


@pytest.mark.parametrize(
    "issue",
    ["COMPLIANCE_VIOLATION", "PAYEE_BLOCKED_TRANSACTION", "TRANSACTION_BLOCKED_BY_PAYEE"],
)
def test_of_a_block_the_buyer_is_told_no_more_than_no(issue: str) -> None:
    assert FOR_GOOD[issue] is Decline.FRAUD_SUSPECTED


async def read(
    provider: PayPalProvider, context: Context, canned: Canned, **capture: object
) -> Outcome:
    """Look at an order whose capture is like this."""
    attempt_id = new_id("att")
    amount = {"currency_code": "EUR", "value": "4.99"}
    unit = {
        "reference_id": "default",
        "custom_id": attempt_id,
        "payments": {"captures": [{"id": "CAPTURE1", "amount": amount, **capture}]},
    }
    canned.answer(200, TOKEN)
    canned.answer(200, order_of(attempt_id, status="COMPLETED", purchase_units=[unit]))
    return await provider.fetch_payment(context, attempt_id, "ORDER1")


@pytest.mark.parametrize("reason", sorted(words.WAITS_FOR))
async def test_a_capture_that_waits_says_what_for(
    reason: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    details = {"reason": reason}
    outcome = await read(provider, context, canned, status="PENDING", status_details=details)
    assert (outcome.status, outcome.code) == (OutcomeStatus.PENDING, reason)


async def test_what_paypal_takes_for_fraud_is_told_as_such(
    provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    details = {"reason": words.RISKY}
    outcome = await read(provider, context, canned, status="DECLINED", status_details=details)
    assert (outcome.status, outcome.decline) == (OutcomeStatus.DECLINED, Decline.FRAUD_SUSPECTED)


@pytest.mark.parametrize(
    ("code", "word", "decline"),
    [
        ("0500", "DO_NOT_HONOR", Decline.DECLINED),
        ("00N7", "CVV2_FAILURE_POSSIBLE_RETRY_WITH_CVV", Decline.DETAILS_WRONG),
        ("5120", "INSUFFICIENT_FUNDS", Decline.INSUFFICIENT_FUNDS),
        ("5400", "EXPIRED_CARD", Decline.METHOD_EXPIRED),
        ("5650", "DECLINED_SCA_REQUIRED", Decline.AUTHENTICATION_FAILED),
        ("9500", "SUSPECTED_FRAUD", Decline.FRAUD_SUSPECTED),
        ("9520", "LOST_OR_STOLEN", Decline.FRAUD_SUSPECTED),
        ("PPRN", "REATTEMPT_NOT_PERMITTED", Decline.DECLINED),
        ("ZZ99", "DECLINED", Decline.DECLINED),
    ],
)
async def test_what_a_cards_processor_said_is_read(
    code: str,
    word: str,
    decline: Decline,
    provider: PayPalProvider,
    context: Context,
    canned: Canned,
) -> None:
    response = {"response_code": code}
    outcome = await read(provider, context, canned, status="DECLINED", processor_response=response)
    assert (outcome.status, outcome.code) == (OutcomeStatus.DECLINED, word)
    assert outcome.decline is decline


def test_each_answer_of_a_processor_at_the_lab_is_in_the_table() -> None:
    known = {word.removeprefix(words.BY_PROCESSOR) for word in words.PROCESSORS}
    assert set(TABLE) <= known
    # Codes of which PayPal's name says nothing but no.
    assert known - set(TABLE) == {"5210"}


def test_no_processors_answer_lets_another_provider_charge_a_card_that_was_refused() -> None:
    again = {Decline.METHOD_NOT_SUPPORTED, Decline.CURRENCY_NOT_SUPPORTED}
    named = {row.word for row in TABLE.values() if row.decline in again}
    assert named == {"CARD_TYPE_UNSUPPORTED", "CURRENCY_CODE_UNSUPPORTED", "INVALID_CURRENCY_CODE"}


@pytest.mark.parametrize("status", [409, 422])
async def test_a_refund_in_progress_is_no_refusal(
    status: int, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    wanted = RefundRequest(
        refund_id=new_id("ref"),
        idempotency_key="ref:refund:1",
        attempt_id=new_id("att"),
        payment_reference="5O190127TN364715T",
        amount_minor=250,
        currency="USD",
    )
    canned.answer(200, TOKEN)
    canned.answer(200, published.ORDER)
    canned.answer(status, error(words.IN_PROGRESS))
    with pytest.raises(PayPalFailed):
        await provider.refund(context, wanted)


@pytest.mark.parametrize("issue", sorted(words.OF_A_REFUND - {words.IN_PROGRESS}))
async def test_a_refund_that_paypal_refuses_moved_no_money(
    issue: str, provider: PayPalProvider, context: Context, canned: Canned
) -> None:
    wanted = RefundRequest(
        refund_id=new_id("ref"),
        idempotency_key="ref:refund:1",
        attempt_id=new_id("att"),
        payment_reference="5O190127TN364715T",
        amount_minor=250,
        currency="USD",
    )
    canned.answer(200, TOKEN)
    canned.answer(200, published.ORDER)
    canned.answer(422, error(issue))
    outcome = await provider.refund(context, wanted)
    assert (outcome.status, outcome.code) == (OutcomeStatus.DECLINED, issue)
