"""What goes over the wire to Stripe about a dispute, and what each of its answers is taken for."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest
from stripe import StripeError
from tests.servers.canned import Canned

from guildbank.plugin_api import (
    Context,
    DisputeStand,
    DisputeStatus,
    EvidenceRefused,
    EvidenceRequest,
)
from guildbank_stripe.plugin import StripeProvider

DUE = datetime(2027, 1, 15, 8, tzinfo=UTC)
CASE = {
    "id": "du_1",
    "object": "dispute",
    "status": "needs_response",
    "evidence_details": {"due_by": 1_800_000_000, "submission_count": 0, "has_evidence": False},
}
REQUEST = EvidenceRequest(
    dispute_id="dis_1",
    idempotency_key="evd_1:evidence:1",
    reference="du_1",
    texts={"product_description": "500 gems", "service_date": "today"},
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


async def test_a_dispute_that_waits_is_told_with_its_deadline(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, CASE)
    stand = await provider.fetch_dispute(tenant, "du_1")
    assert stand == DisputeStand(
        reference="du_1", status=DisputeStatus.NEEDS_RESPONSE, answer_by=DUE, answered=False
    )
    assert [(asked.method, asked.path) for asked in stripe.asked] == [("GET", "/v1/disputes/du_1")]


async def test_a_bank_that_takes_no_answer_has_no_deadline(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(200, {**CASE, "evidence_details": {"due_by": 0, "submission_count": 0}})
    assert (await provider.fetch_dispute(tenant, "du_1")).answer_by is None


def moved(*amounts: int) -> list[dict[str, object]]:
    """Balance transactions, in the money of the account, which is not the buyer's."""
    return [{"id": f"txn_{one}", "amount": one, "currency": "usd"} for one in amounts]


@pytest.mark.parametrize(
    ("said", "money"),
    [
        pytest.param({}, (None, None, None, None), id="nothing of money"),
        pytest.param(
            {"amount": 499, "currency": "eur", "balance_transactions": []},
            (499, "EUR", False, False),
            id="nothing went",
        ),
        pytest.param(
            {"amount": 499, "currency": "eur", "balance_transactions": moved(-540)},
            (499, "EUR", True, False),
            id="it went",
        ),
        pytest.param(
            {"amount": 500, "currency": "jpy", "balance_transactions": moved(-330, 330)},
            (500, "JPY", True, True),
            id="it came back",
        ),
    ],
)
async def test_the_money_of_a_dispute_is_told_by_what_it_moved(
    said: dict[str, object],
    money: tuple[int | None, str | None, bool | None, bool | None],
    stripe: Canned,
    tenant: Context,
    provider: StripeProvider,
) -> None:
    stripe.answer(200, {**CASE, **said})
    stand = await provider.fetch_dispute(tenant, "du_1")
    assert (stand.amount_minor, stand.currency, stand.withdrawn, stand.reinstated) == money


async def test_evidence_is_submitted_for_good_under_its_key(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    done = {"due_by": 1_800_000_000, "submission_count": 1}
    stripe.answer(200, {**CASE, "status": "under_review", "evidence_details": done})
    said = await provider.submit_evidence(tenant, REQUEST)
    assert isinstance(said, DisputeStand)
    assert (said.answered, said.status) == (True, DisputeStatus.UNDER_REVIEW)
    (asked,) = stripe.asked
    assert (asked.method, asked.path) == ("POST", "/v1/disputes/du_1")
    assert asked.headers["idempotency-key"] == "evd_1:evidence:1"
    assert asked.form == {
        "evidence[product_description]": "500 gems",
        "evidence[service_date]": "today",
        "submit": "true",
    }


async def test_evidence_that_stripe_does_not_take_is_refused_with_its_word(
    stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    error = {
        "type": "invalid_request_error",
        "code": "parameter_unknown",
        "message": "No.",
    }
    stripe.answer(400, {"error": error})
    assert await provider.submit_evidence(tenant, REQUEST) == EvidenceRefused(
        code="parameter_unknown", detail="No."
    )


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        pytest.param(400, {"error": {"type": "idempotency_error"}}, id="key with other evidence"),
        pytest.param(401, {"error": {"type": "invalid_request_error"}}, id="key not accepted"),
        pytest.param(429, {"error": {"type": "rate_limit"}}, id="too many requests"),
        pytest.param(500, {"error": {"type": "api_error"}}, id="their error"),
        pytest.param(200, {}, id="an answer that is no dispute"),
        pytest.param(200, {**CASE, "status": "levitating"}, id="a status that is not known"),
    ],
)
async def test_what_is_not_a_clear_answer_is_raised(
    status: int, answer: object, stripe: Canned, tenant: Context, provider: StripeProvider
) -> None:
    stripe.answer(status, answer)
    with pytest.raises((StripeError, msgspec.ValidationError, LookupError)):
        await provider.submit_evidence(tenant, REQUEST)
    assert len(stripe.asked) == 1
