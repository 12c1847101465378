"""The contract of the provider slot holds against the lab's PayPal."""

import msgspec
import pytest

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import (
    PAYOUT_CHECKS,
    PROVIDER_CHECKS,
    Check,
    run_provider_conformance,
)
from guildbank_paypal.plugin import PayPalProvider


@pytest.fixture(scope="session")
async def checks(context: Context) -> dict[str, Check]:
    provider = PayPalProvider(timeout_seconds=2)
    done = await run_provider_conformance(provider, context, provider.rehearsal())
    return {check.name: check for check in done}


@pytest.mark.parametrize("name", [check.__name__ for check in (*PROVIDER_CHECKS, *PAYOUT_CHECKS)])
def test_the_contract_holds(name: str, checks: dict[str, Check]) -> None:
    check = checks[name]
    assert check.ran, check.detail
    assert check.passed, check.detail


async def test_conformance_refuses_a_live_tenant(context: Context) -> None:
    live = msgspec.structs.replace(context, mode="live")
    provider = PayPalProvider()
    (refused,) = await run_provider_conformance(provider, live, provider.rehearsal())
    assert not refused.passed
    assert "live" in refused.detail
