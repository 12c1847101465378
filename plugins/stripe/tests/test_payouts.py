"""Transfers as Stripe's pages describe them: one for each payout, and failed only where it says."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from stripe import StripeError
from tests.servers.canned import Canned

from guildbank.kernel import new_id
from guildbank.plugin_api import (
    RETURNED,
    Context,
    Destination,
    DestinationRefused,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
)
from guildbank_stripe.plugin import StripeProvider

PAYOUT = new_id("pyo")
REQUEST = PayoutRequest(
    payout_id=PAYOUT, idempotency_key=f"{PAYOUT}:pay:1", amount_minor=250, currency="EUR",
    player_id=new_id("player"), details={"account": "acct_1MTfjCQ9PRzxEwkZ"},
)  # fmt: skip
NOBODY = {"object": "list", "data": [], "has_more": False, "url": "/v1/transfers"}
PAID = Outcome(
    status=OutcomeStatus.PROCESSED, reference="tr_1MiN3g", amount_minor=250, currency="EUR"
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
    }
    return msgspec.structs.replace(context, settings=settings)


def transfer(reversed_minor: int = 0, payout: str = PAYOUT) -> dict[str, Any]:
    return {
        "id": "tr_1MiN3g",
        "object": "transfer",
        "amount": 250,
        "amount_reversed": reversed_minor,
        "currency": "eur",
        "destination": "acct_1MTfjCQ9PRzxEwkZ",
        "metadata": {"guildbank_payout": payout},
        "reversed": reversed_minor == 250,
        "transfer_group": payout,
    }


def refusal(code: str, type_: str = "invalid_request_error") -> dict[str, object]:
    return {"error": {"type": type_, "code": code, "message": "No."}}


async def test_a_transfer_bears_our_name_and_key(
    provider: StripeProvider, tenant: Context, stripe: Canned
):
    stripe.answer(200, NOBODY)
    stripe.answer(200, transfer())
    assert await provider.pay_out(tenant, REQUEST) == PAID
    looked, made = stripe.asked
    assert f"transfer_group={PAYOUT}" in looked.path
    assert (made.method, made.path) == ("POST", "/v1/transfers")
    assert made.headers["idempotency-key"] == REQUEST.idempotency_key
    assert made.form == {
        "amount": "250",
        "currency": "eur",
        "destination": "acct_1MTfjCQ9PRzxEwkZ",
        "transfer_group": PAYOUT,
        "metadata[guildbank_payout]": PAYOUT,
    }


async def test_a_transfer_that_is_there_is_not_made_again(
    provider: StripeProvider, tenant: Context, stripe: Canned
):
    other = transfer(payout=new_id("pyo"))
    stripe.answer(200, {**NOBODY, "data": [other, transfer()]})
    assert await provider.pay_out(tenant, REQUEST) == PAID
    assert [one.method for one in stripe.asked] == ["GET"]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "balance_insufficient"),
        (400, "insufficient_capabilities_for_transfer"),
        (400, "transfers_not_allowed"),
        (403, "account_invalid"),
    ],
)
async def test_what_stripe_refuses_was_not_paid(
    provider: StripeProvider, tenant: Context, stripe: Canned, status: int, code: str
):
    stripe.answer(200, NOBODY)
    stripe.answer(status, refusal(code))
    said = await provider.pay_out(tenant, REQUEST)
    assert (said.status, said.code) == (OutcomeStatus.DECLINED, code)


@pytest.mark.parametrize(
    ("status", "type_"),
    [
        (400, "idempotency_error"),
        (401, "invalid_request_error"),
        (409, "idempotency_error"),
        (429, "invalid_request_error"),
        (500, "api_error"),
    ],
)
async def test_any_other_answer_says_nothing_of_the_money(
    provider: StripeProvider, tenant: Context, stripe: Canned, status: int, type_: str
):
    stripe.answer(200, NOBODY)
    stripe.answer(status, refusal("x", type_))
    with pytest.raises(StripeError):
        await provider.pay_out(tenant, REQUEST)


@pytest.mark.parametrize(
    ("back", "outcome"),
    [
        (0, PAID),
        # The books cannot say that a part came back; the report does.
        (100, PAID),
        (250, Outcome(status=OutcomeStatus.CANCELED, reference="tr_1MiN3g", code=RETURNED)),
    ],
)
async def test_money_is_back_once_all_of_it_was_reversed(
    provider: StripeProvider, tenant: Context, stripe: Canned, back: int, outcome: Outcome
):
    stripe.answer(200, transfer(back))
    assert await provider.fetch_payout(tenant, REQUEST, "tr_1MiN3g") == outcome


async def test_a_transfer_of_another_payout_is_not_believed(
    provider: StripeProvider, tenant: Context, stripe: Canned
):
    stripe.answer(200, transfer(payout=new_id("pyo")))
    with pytest.raises(LookupError):
        await provider.fetch_payout(tenant, REQUEST, "tr_1MiN3g")


async def test_a_transfer_that_is_gone_is_unknown(
    provider: StripeProvider, tenant: Context, stripe: Canned
):
    stripe.answer(404, refusal("resource_missing"))
    said = await provider.fetch_payout(tenant, REQUEST, "tr_1MiN3g")
    assert (said.status, said.code) == (OutcomeStatus.UNKNOWN, "reference_unknown")


def account(**capabilities: str) -> dict[str, object]:
    return {"id": "acct_1MTfjC", "object": "account", "capabilities": capabilities}


@pytest.mark.parametrize("capability", ["transfers", "legacy_payments"])
async def test_an_account_that_takes_transfers_is_shown_by_four_characters(
    provider: StripeProvider, tenant: Context, stripe: Canned, capability: str
):
    stripe.answer(200, account(**{capability: "active", "card_payments": "inactive"}))
    read = await provider.check_destination(tenant, {"account": "acct_1MTfjC"})
    assert isinstance(read, Destination)
    assert (read.label, read.details) == (".... TfjC", {"account": "acct_1MTfjC"})


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, account(transfers="pending"), "transfers_inactive"),
        (200, account(), "transfers_inactive"),
        (403, refusal("account_invalid"), "unknown_account"),
        (404, refusal("resource_missing"), "unknown_account"),
    ],
)
async def test_an_account_that_cannot_be_paid_is_refused(
    provider: StripeProvider, tenant: Context, stripe: Canned, status: int, body: object, code: str
):
    stripe.answer(status, body)
    said = await provider.check_destination(tenant, {"account": "acct_1MTfjC"})
    assert isinstance(said, DestinationRefused)
    assert (said.code, said.field) == (code, "account")


@pytest.mark.parametrize(
    "given", [{}, {"account": "DE89370400440532013000"}, {"account": "acct_1/x"}, {"iban": "x"}]
)
async def test_what_is_no_account_is_refused_unasked(
    provider: StripeProvider, tenant: Context, stripe: Canned, given: dict[str, str]
):
    assert isinstance(await provider.check_destination(tenant, given), DestinationRefused)
    assert stripe.asked == []


async def test_a_key_that_stripe_does_not_know_is_no_answer(
    provider: StripeProvider, tenant: Context, stripe: Canned
):
    stripe.answer(401, refusal("api_key_expired"))
    with pytest.raises(StripeError):
        await provider.check_destination(tenant, {"account": "acct_1MTfjC"})
