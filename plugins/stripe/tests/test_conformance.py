"""The contract of the provider slot holds against a Stripe server that no one here wrote."""

import msgspec
import pytest
from tests.servers.localstripe import LocalStripe

from guildbank.plugin_api import Context, Outcome
from guildbank.plugin_api.conformance import PROVIDER_CHECKS, Check, run_provider_conformance
from guildbank_stripe.plugin import StripeProvider

NOT_SUPPORTED_BY_THIS_SERVER = {
    "the_same_key_charges_once": "localstripe has no idempotency keys and makes a second intent",
    "no_more_is_refunded_than_was_captured": "localstripe refunds any amount, any number of times",
}


@pytest.fixture(scope="session")
async def checks(localstripe: LocalStripe, context: Context) -> dict[str, Check]:
    async def complete_action(context: Context, asked: Outcome) -> None:
        assert asked.reference
        assert asked.next_action
        assert asked.next_action.client_secret
        localstripe.authenticate(asked.reference, asked.next_action.client_secret, success=True)

    provider = StripeProvider(timeout_seconds=2)
    rehearsal = msgspec.structs.replace(
        provider.rehearsal(),
        needs_action=localstripe.card_with_3ds(),
        complete_action=complete_action,
    )
    done = await run_provider_conformance(provider, context, rehearsal)
    return {check.name: check for check in done}


@pytest.mark.parametrize("name", [check.__name__ for check in PROVIDER_CHECKS])
def test_the_contract_holds(name: str, checks: dict[str, Check]) -> None:
    check = checks[name]
    assert check.ran, check.detail
    if name in NOT_SUPPORTED_BY_THIS_SERVER:
        assert not check.passed, f"localstripe supports it now: {name}"
    else:
        assert check.passed, check.detail


async def test_conformance_refuses_a_live_tenant(context: Context) -> None:
    live = msgspec.structs.replace(context, mode="live")
    provider = StripeProvider()
    (refused,) = await run_provider_conformance(provider, live, provider.rehearsal())
    assert not refused.passed
    assert "live" in refused.detail
