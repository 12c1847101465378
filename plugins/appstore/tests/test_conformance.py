"""The contract of the provider slot holds against the lab's Apple."""

import msgspec
import pytest

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import (
    CONFIRMATION_CHECKS,
    PROVIDER_CHECKS,
    REPORT_CHECKS,
    SUBSCRIPTION_CHECKS,
    Check,
    run_provider_conformance,
)
from guildbank_appstore.plugin import AppStoreProvider

NOT_APPLE_S = {
    # The store has no way to decline under our name, and no page of ours to be sent to.
    "a_declined_payment_is_declined",
    "an_open_payment_says_what_the_player_must_do",
    "a_completed_action_is_processed",
    "a_canceled_payment_stays_canceled",
    # Apple alone gives money back.
    "a_part_is_refunded",
    "the_same_refund_key_pays_once",
    "a_refund_is_found_with_and_without_its_reference",
    "an_unknown_refund_was_never_there",
    "no_more_is_refunded_than_was_captured",
    # A notification is signed within its body; test_notifications forges some.
    "a_forged_signature_is_rejected",
    "a_signature_covers_the_whole_body",
    "signed_nonsense_is_rejected",
}


@pytest.fixture(scope="session")
async def checks(at_lab: Context) -> dict[str, Check]:
    provider = AppStoreProvider(timeout_seconds=2)
    done = await run_provider_conformance(provider, at_lab, provider.rehearsal())
    return {check.name: check for check in done}


@pytest.mark.parametrize(
    "name",
    [
        check.__name__
        for check in (*CONFIRMATION_CHECKS, *REPORT_CHECKS, *SUBSCRIPTION_CHECKS, *PROVIDER_CHECKS)
    ],
)
def test_the_contract_holds(name: str, checks: dict[str, Check]) -> None:
    check = checks[name]
    assert check.ran is (name not in NOT_APPLE_S), check.detail
    assert check.passed or not check.ran, check.detail


async def test_conformance_refuses_a_live_tenant(at_lab: Context) -> None:
    live = msgspec.structs.replace(at_lab, mode="live")
    provider = AppStoreProvider()
    (refused,) = await run_provider_conformance(provider, live, provider.rehearsal())
    assert not refused.passed
    assert "live" in refused.detail
