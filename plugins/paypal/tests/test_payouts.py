"""Payouts as PayPal's pages describe them: paid once, and failed only where PayPal says so."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from tests.servers.canned import Canned

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    RETURNED,
    SEND_AGAIN,
    Context,
    Destination,
    DestinationRefused,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
)
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_paypal.plugin import PayPalProvider

PAYOUT = new_id("pyo")
BATCH = "Q6K2CE4GQ36MQ"
REQUEST = PayoutRequest(
    payout_id=PAYOUT, idempotency_key=f"{PAYOUT}:pay:1", amount_minor=250, currency="EUR",
    player_id=new_id("player"), details={"email": "earner@example.com"},
)  # fmt: skip
TOKEN = {"access_token": "A21AA", "expires_in": 32_400}


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    async with Canned() as server:
        server.answer(200, TOKEN)
        yield server


@pytest.fixture
def context(canned: Canned) -> Context:
    settings = {
        "client_id": "client-1",
        "client_secret": "quiet-secret-of-a-tenant",
        "webhook_id": "5WA53290LR5218401",
        "lab_url": canned.url,
    }
    return Context(
        tenant="demo", mode="test", settings=settings, now=datetime.now(UTC),
        webhook_url="http://127.0.0.1/", http=DirectHttp(),
    )  # fmt: skip


@pytest.fixture
def provider() -> PayPalProvider:
    return PayPalProvider(timeout_seconds=2)


def header(status: str = "PENDING", named: str = PAYOUT) -> dict[str, Any]:
    return {
        "batch_header": {
            "payout_batch_id": BATCH,
            "batch_status": status,
            "sender_batch_header": {"sender_batch_id": named},
        }
    }


def batch(status: str, value: str = "2.50", **more: object) -> dict[str, Any]:
    item = {
        "payout_item_id": "9MYSR9GT8AEUG",
        "transaction_status": status,
        "payout_item": {
            "recipient_type": "EMAIL",
            "amount": {"currency": "EUR", "value": value},
            "receiver": "earner@example.com",
            "sender_item_id": PAYOUT,
        },
        **more,
    }
    return {**header("SUCCESS"), "items": [item]}


def error(name: str, *details: object) -> dict[str, object]:
    return {"name": name, "message": "No.", "debug_id": "f701090abdcb2", "details": details}


async def test_one_item_goes_under_our_name(
    provider: PayPalProvider, context: Context, canned: Canned
):
    canned.answer(201, header())
    canned.answer(200, batch("SUCCESS"))
    paid = await provider.pay_out(context, REQUEST)
    assert paid == Outcome(
        status=OutcomeStatus.PROCESSED, reference=BATCH, amount_minor=250, currency="EUR"
    )
    _, made, looked = canned.asked
    assert (made.method, made.path) == ("POST", "/v1/payments/payouts")
    sent = msgspec.json.decode(made.body)
    assert sent["sender_batch_header"]["sender_batch_id"] == PAYOUT
    [item] = sent["items"]
    assert item["receiver"] == "earner@example.com"
    assert item["amount"] == {"currency": "EUR", "value": "2.50"}
    assert (looked.method, looked.path) == ("GET", f"/v1/payments/payouts/{BATCH}")


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ("PENDING", OutcomeStatus.PENDING, "PENDING"),
        ("UNCLAIMED", OutcomeStatus.PENDING, "UNCLAIMED"),
        ("ONHOLD", OutcomeStatus.PENDING, "ONHOLD"),
        ("BLOCKED", OutcomeStatus.PENDING, "BLOCKED"),
        ("FAILED", OutcomeStatus.DECLINED, "FAILED"),
        ("DENIED", OutcomeStatus.DECLINED, "DENIED"),
        ("RETURNED", OutcomeStatus.CANCELED, RETURNED),
        ("REFUNDED", OutcomeStatus.CANCELED, RETURNED),
        ("REVERSED", OutcomeStatus.CANCELED, RETURNED),
        ("SOMETHING_NEW", OutcomeStatus.UNKNOWN, "SOMETHING_NEW"),
    ],
)
async def test_each_state_of_an_item_is_read(
    provider: PayPalProvider, context: Context, canned: Canned, said: str, status: OutcomeStatus,
    code: str,
):  # fmt: skip
    canned.answer(200, batch(said))
    found = await provider.fetch_payout(context, REQUEST, BATCH)
    assert found == Outcome(status=status, reference=BATCH, code=code)


async def test_why_an_item_failed_is_told(
    provider: PayPalProvider, context: Context, canned: Canned
):
    canned.answer(200, batch("FAILED", errors={"name": "RECEIVER_ACCOUNT_LOCKED"}))
    found = await provider.fetch_payout(context, REQUEST, BATCH)
    assert (found.status, found.code) == (OutcomeStatus.DECLINED, "RECEIVER_ACCOUNT_LOCKED")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("PENDING", OutcomeStatus.PENDING),
        ("PROCESSING", OutcomeStatus.PENDING),
        ("SUCCESS", OutcomeStatus.PENDING),
        ("DENIED", OutcomeStatus.DECLINED),
        ("CANCELED", OutcomeStatus.CANCELED),
    ],
)
async def test_a_batch_without_its_item_is_at_work_unless_it_was_denied(
    provider: PayPalProvider, context: Context, canned: Canned, said: str, status: OutcomeStatus
):
    canned.answer(200, header(said))
    assert (await provider.fetch_payout(context, REQUEST, BATCH)).status is status


async def test_a_repeated_name_leads_to_the_batch_that_there_is(
    provider: PayPalProvider, context: Context, canned: Canned
):
    link = {"href": f"https://api.paypal.com/v1/payments/payouts/{BATCH}", "rel": "self"}
    issue = "Batch with given sender_batch_id already exists"
    detail = {"field": "SENDER_BATCH_ID", "location": "body", "issue": issue, "link": [link]}
    canned.answer(400, error("USER_BUSINESS_ERROR", detail))
    canned.answer(200, batch("SUCCESS"))
    paid = await provider.pay_out(context, REQUEST)
    assert (paid.status, paid.reference) == (OutcomeStatus.PROCESSED, BATCH)
    # Wherever the link leads, PayPal's own address is asked.
    assert canned.asked[-1].path == f"/v1/payments/payouts/{BATCH}"


@pytest.mark.parametrize(
    "detail",
    [
        {"field": "SENDER_BATCH_ID", "issue": "Duplicate batch request"},
        {"field": "SENDER_BATCH_ID", "issue": "x", "link": [{"href": "https://api.paypal.com/"}]},
    ],
    ids=["without a link", "with another link"],
)
async def test_a_repeated_name_that_leads_nowhere_is_no_failure(
    provider: PayPalProvider, context: Context, canned: Canned, detail: dict[str, object]
):
    canned.answer(400, error("USER_BUSINESS_ERROR", detail))
    with pytest.raises(Exception, match="does not say which"):
        await provider.pay_out(context, REQUEST)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (422, "INSUFFICIENT_FUNDS"),
        (403, "SENDER_RESTRICTED"),
        (403, "AUTHORIZATION_ERROR"),
        (400, "NON_HOLDING_CURRENCY"),
    ],
)
async def test_what_paypal_will_not_send_has_no_name_and_is_declined(
    provider: PayPalProvider, context: Context, canned: Canned, status: int, name: str
):
    canned.answer(status, error(name))
    said = await provider.pay_out(context, REQUEST)
    assert (said.status, said.code, said.reference) == (OutcomeStatus.DECLINED, name, None)


@pytest.mark.parametrize("status", [409, 429, 500, 503])
async def test_a_failure_of_paypals_own_says_nothing(
    provider: PayPalProvider, context: Context, canned: Canned, status: int
):
    canned.answer(status, error("INTERNAL_ERROR"))
    with pytest.raises(Exception, match=str(status)):
        await provider.pay_out(context, REQUEST)


async def test_a_batch_of_another_payout_is_not_believed(
    provider: PayPalProvider, context: Context, canned: Canned
):
    canned.answer(200, {**header("DENIED", named=new_id("pyo"))})
    with pytest.raises(LookupError):
        await provider.fetch_payout(context, REQUEST, BATCH)


async def test_without_paypals_name_only_sending_it_again_tells(
    provider: PayPalProvider, context: Context, canned: Canned
):
    said = await provider.fetch_payout(context, REQUEST, None)
    assert (said.status, said.code) == (OutcomeStatus.UNKNOWN, SEND_AGAIN)
    assert canned.asked == []


async def test_a_batch_that_is_gone_is_unknown(
    provider: PayPalProvider, context: Context, canned: Canned
):
    canned.answer(404, error("RESOURCE_NOT_FOUND"))
    said = await provider.fetch_payout(context, REQUEST, BATCH)
    assert (said.status, said.code) == (OutcomeStatus.UNKNOWN, "reference_unknown")


async def test_half_a_forint_is_declined_without_asking(
    provider: PayPalProvider, context: Context, canned: Canned
):
    odd = msgspec.structs.replace(REQUEST, currency="HUF")
    said = await provider.pay_out(context, odd)
    assert (said.status, said.code) == (OutcomeStatus.DECLINED, "amount_not_expressible")
    assert canned.asked == []


async def test_an_address_is_shown_by_two_letters(provider: PayPalProvider, context: Context):
    read = await provider.check_destination(context, {"email": " earner@example.com "})
    assert isinstance(read, Destination)
    assert (read.label, read.details) == ("e....@e....", {"email": "earner@example.com"})


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"email": ""},
        {"email": "nobody"},
        {"email": "a@b"},
        {"email": "a b@example.com"},
        {"email": "a@example.com\nb@example.com"},
        {"email": f"a@{'x' * 60}.{'y' * 60}.example"},
        {"email": "a@example.com", "iban": "x"},
        {"phone": "+15550100"},
    ],
    ids=["none", "empty", "a name", "no domain", "a blank", "two", "long", "more", "a phone"],
)
async def test_what_is_no_address_is_refused(
    provider: PayPalProvider, context: Context, given: dict[str, str]
):
    assert isinstance(await provider.check_destination(context, given), DestinationRefused)


async def test_an_operator_names_the_batch_and_paypal_says_how_it_stands(
    provider: PayPalProvider, context: Context, canned: Canned
):
    canned.answer(200, batch("SUCCESS"))
    said = await provider.confirm_payout(context, REQUEST, {"batch": BATCH})
    assert isinstance(said, Outcome)
    assert (said.status, said.reference) == (OutcomeStatus.PROCESSED, BATCH)


@pytest.mark.parametrize(
    ("data", "status", "body", "code"),
    [
        ({}, None, None, "no_batch"),
        ({"sent": "no"}, None, None, "no_batch"),
        ({"batch": "../orders"}, None, None, "no_batch"),
        ({"batch": BATCH}, 404, error("RESOURCE_NOT_FOUND"), "unknown_batch"),
        ({"batch": BATCH}, 200, header("DENIED", named=new_id("pyo")), "other_batch"),
    ],
    ids=["nothing", "a word", "a path", "unknown", "of another"],
)
async def test_no_word_but_paypals_ends_a_payout(
    provider: PayPalProvider, context: Context, canned: Canned, data: dict[str, str],
    status: int | None, body: object, code: str,
):  # fmt: skip
    if status is not None:
        canned.answer(status, body)
    said = await provider.confirm_payout(context, REQUEST, data)
    assert isinstance(said, NotConfirmed)
    assert (said.code, said.field) == (code, "batch")
