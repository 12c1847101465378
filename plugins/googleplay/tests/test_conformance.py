"""The contract of the provider slot holds against the lab's Google."""

import msgspec
import pytest

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import (
    CONFIRMATION_CHECKS,
    FINISH_CHECKS,
    PROVIDER_CHECKS,
    REPORT_CHECKS,
    SUBSCRIPTION_CHECKS,
    Check,
    run_provider_conformance,
)
from guildbank_googleplay.plugin import GooglePlayProvider

NOT_GOOGLE_S = {
    # The store has no way to decline under our name, and no page of ours to be sent to.
    "a_declined_payment_is_declined",
    "an_open_payment_says_what_the_player_must_do",
    "a_completed_action_is_processed",
    "a_canceled_payment_stays_canceled",
    # What signs a push says nothing of its body; test_pushes forges some.
    "a_forged_signature_is_rejected",
    "a_signature_covers_the_whole_body",
    "signed_nonsense_is_rejected",
}


@pytest.fixture(scope="session")
async def checks(at_lab: Context) -> dict[str, Check]:
    provider = GooglePlayProvider(timeout_seconds=2)
    done = await run_provider_conformance(provider, at_lab, provider.rehearsal())
    return {check.name: check for check in done}


@pytest.mark.parametrize(
    "name",
    [
        check.__name__
        for check in (
            *CONFIRMATION_CHECKS,
            *REPORT_CHECKS,
            *SUBSCRIPTION_CHECKS,
            *FINISH_CHECKS,
            *PROVIDER_CHECKS,
        )
    ],
)
def test_the_contract_holds(name: str, checks: dict[str, Check]) -> None:
    check = checks[name]
    assert check.ran is (name not in NOT_GOOGLE_S), check.detail
    assert check.passed or not check.ran, check.detail


async def test_conformance_refuses_a_live_tenant(at_lab: Context) -> None:
    live = msgspec.structs.replace(at_lab, mode="live")
    provider = GooglePlayProvider()
    (refused,) = await run_provider_conformance(provider, live, provider.rehearsal())
    assert not refused.passed
    assert "live" in refused.detail
