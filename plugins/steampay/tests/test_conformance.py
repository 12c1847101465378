"""The contract of the provider slot holds against the lab's Steam."""

import msgspec
import pytest

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import (
    CONFIRMATION_CHECKS,
    PROVIDER_CHECKS,
    REPORT_CHECKS,
    Check,
    run_provider_conformance,
)
from guildbank_steampay.plugin import SteamWalletProvider

NOT_STEAM_S = {
    # A look takes no money: the game's client confirms.
    "a_completed_action_is_processed",
    # Steam sends no webhooks, so none can be signed.
    "a_forged_signature_is_rejected",
    "a_signature_covers_the_whole_body",
    "signed_nonsense_is_rejected",
    "an_old_webhook_is_rejected",
}


@pytest.fixture(scope="session")
async def checks(context: Context) -> dict[str, Check]:
    provider = SteamWalletProvider(timeout_seconds=2)
    done = await run_provider_conformance(provider, context, provider.rehearsal())
    return {check.name: check for check in done}


@pytest.mark.parametrize(
    "name",
    [check.__name__ for check in (*CONFIRMATION_CHECKS, *REPORT_CHECKS, *PROVIDER_CHECKS)],
)
def test_the_contract_holds(name: str, checks: dict[str, Check]) -> None:
    check = checks[name]
    assert check.ran is (name not in NOT_STEAM_S), check.detail
    assert check.passed or not check.ran, check.detail


async def test_conformance_refuses_a_live_tenant(context: Context) -> None:
    live = msgspec.structs.replace(context, mode="live")
    provider = SteamWalletProvider()
    (refused,) = await run_provider_conformance(provider, live, provider.rehearsal())
    assert not refused.passed
    assert "live" in refused.detail
