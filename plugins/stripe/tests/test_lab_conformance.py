"""The contract of the provider slot holds against the lab's Stripe, by card and by Checkout."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from tests.servers.lab import LabServer

from guildbank.plugin_api import Context, Outcome, PaymentRequest
from guildbank.plugin_api.conformance import (
    PAYOUT_CHECKS,
    PROVIDER_CHECKS,
    SAVED_CHECKS,
    SETTLEMENT_CHECKS,
    Check,
    DirectHttp,
    Rehearsal,
    run_provider_conformance,
)
from guildbank_stripe.plugin import StripeProvider

WEBHOOK_URL = "http://127.0.0.1:9/v1/webhooks/demo/stripe"


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.fixture(scope="session")
def at_lab(lab: LabServer) -> Context:
    return Context(
        tenant="demo",
        mode="test",
        settings=lab.open_stripe(WEBHOOK_URL),
        now=datetime.now(UTC),
        webhook_url=WEBHOOK_URL,
        http=DirectHttp(),
    )


async def _at(context: Context, path: str, body: dict[str, object]) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{context.settings['api_base']}{path}", json=body)
        answer.raise_for_status()


async def confirm(context: Context, asked: Outcome) -> None:
    await _at(context, "/lab/stripe/authenticate", {"payment": asked.reference})


async def pay(context: Context, asked: Outcome) -> None:
    await _at(context, "/lab/stripe/pay", {"session": asked.reference})


class OnPage(StripeProvider):
    """The provider for players who can be led back from Stripe's page."""

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        led = msgspec.structs.replace(request, return_url="https://game.example/back")
        return await super().create_payment(context, led)


def rehearsals() -> dict[str, Rehearsal]:
    usual = msgspec.structs.replace(
        StripeProvider().rehearsal(),
        pays_to={"account": "acct_1LabEarner"},
        pays_never={"account": "acct_1LabRestricted"},
    )
    return {
        "card": msgspec.structs.replace(usual, complete_action=confirm),
        "checkout": msgspec.structs.replace(
            usual, pays="checkout", declines=None, needs_action="checkout", pays_by_action=True,
            complete_action=pay,
        ),
    }  # fmt: skip


CHECKS = (*PROVIDER_CHECKS, *SAVED_CHECKS, *PAYOUT_CHECKS, *SETTLEMENT_CHECKS)
NOT_ON_A_PAGE = {"a_declined_payment_is_declined"}
"""Nothing is refused for good on Stripe's page: the player tries another card."""


@pytest.fixture(scope="session")
async def checks(at_lab: Context) -> dict[tuple[str, str], Check]:
    found = {}
    for way, rehearsal in rehearsals().items():
        provider = OnPage(2) if way == "checkout" else StripeProvider(2)
        for check in await run_provider_conformance(provider, at_lab, rehearsal):
            found[way, check.name] = check
    return found


@pytest.mark.parametrize("way", ["card", "checkout"])
@pytest.mark.parametrize("name", [check.__name__ for check in CHECKS])
def test_the_contract_holds(way: str, name: str, checks: dict[tuple[str, str], Check]) -> None:
    check = checks[way, name]
    if not check.ran:
        assert (way, name) in {("checkout", one) for one in NOT_ON_A_PAGE}, check.detail
        return
    assert check.passed, check.detail
