"""How a dispute stands at PayPal, read from what its pages show of one."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from plugins.paypal.tests import published
from tests.servers.canned import Canned

from guildbank.plugin_api import Context, DisputeStand, DisputeStatus
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_paypal.amounts import NotExpressible
from guildbank_paypal.client import PayPalFailed
from guildbank_paypal.plugin import PayPalProvider

TOKEN = {"access_token": "A21AA", "token_type": "Bearer", "expires_in": 32_400}
NAME = "PP-000-042-663-135"
OPEN: dict[str, Any] = published.DISPUTED["resource"]
RESOLVED: dict[str, Any] = published.RESOLVED["resource"]


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


async def test_an_open_dispute_is_told_with_its_amount_and_deadline(
    canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    canned.answer(200, {**OPEN, "seller_response_due_date": "2018-07-11T13:35:44.000Z"})
    assert await provider.fetch_dispute(context, NAME) == DisputeStand(
        reference=NAME,
        status=DisputeStatus.NEEDS_RESPONSE,
        answer_by=datetime(2018, 7, 11, 13, 35, 44, tzinfo=UTC),
        amount_minor=300,
        currency="USD",
    )
    asked = canned.asked[-1]
    assert (asked.method, asked.path) == ("GET", f"/v1/customer/disputes/{NAME}")


@pytest.mark.parametrize(
    ("outcome", "refunded", "status", "minor"),
    [
        ("RESOLVED_BUYER_FAVOUR", None, DisputeStatus.LOST, 300),
        ("RESOLVED_BUYER_FAVOUR", "1.20", DisputeStatus.LOST, 120),
        ("ACCEPTED", None, DisputeStatus.LOST, 300),
        ("RESOLVED_SELLER_FAVOUR", None, DisputeStatus.WON, 300),
        ("RESOLVED_WITH_PAYOUT", "3.00", DisputeStatus.WON, 300),
        ("CANCELED_BY_BUYER", None, DisputeStatus.WON, 300),
        ("DENIED", None, DisputeStatus.WON, 300),
        ("NONE", None, DisputeStatus.WON, 300),
    ],
)
async def test_the_outcome_says_who_bears_it_and_how_much(
    outcome: str,
    refunded: str | None,
    status: DisputeStatus,
    minor: int,
    canned: Canned,
    context: Context,
    provider: PayPalProvider,
) -> None:
    result: dict[str, object] = {"outcome_code": outcome}
    if refunded is not None:
        result["amount_refunded"] = {"currency_code": "USD", "value": refunded}
    canned.answer(200, {**RESOLVED, "dispute_outcome": result})
    stand = await provider.fetch_dispute(context, NAME)
    assert stand is not None
    assert (stand.status, stand.amount_minor) == (status, minor)
    # Of the money nothing is told but by the end.
    assert (stand.withdrawn, stand.reinstated) == (None, None)


@pytest.mark.parametrize("status", [403, 404], ids=["may not read", "has none such"])
async def test_nothing_is_told_where_the_app_may_not_read_it(
    status: int, canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    canned.answer(status, {"name": "NOT_AUTHORIZED"})
    assert await provider.fetch_dispute(context, NAME) is None


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        pytest.param(500, {}, id="their error"),
        pytest.param(200, {}, id="an answer that is no dispute"),
        pytest.param(200, {**OPEN, "status": "LEVITATING"}, id="a status that is not known"),
        pytest.param(200, {**OPEN, "status": "RESOLVED"}, id="an end without an outcome"),
        pytest.param(
            200,
            {**OPEN, "dispute_amount": {"currency_code": "USD", "value": "3.005"}},
            id="an amount that cannot be",
        ),
    ],
)
async def test_what_is_not_a_clear_answer_is_raised(
    status: int, answer: object, canned: Canned, context: Context, provider: PayPalProvider
) -> None:
    canned.answer(status, answer)
    with pytest.raises((PayPalFailed, NotExpressible, msgspec.ValidationError)):
        await provider.fetch_dispute(context, NAME)
