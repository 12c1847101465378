"""The contract of the provider slot holds, but for what asks somebody who keeps books."""

from datetime import UTC, datetime

import pytest

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import (
    CONFIRMATION_CHECKS,
    FAULT_CHECKS,
    PAYOUT_CHECKS,
    PROVIDER_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)
from guildbank_transfer.plugin import BankTransferProvider

NOBODY_TO_ASK = {
    "a_declined_payment_is_declined",
    "fetch_agrees_by_reference_and_by_attempt",
    "an_open_payment_says_what_the_player_must_do",
    "a_completed_action_is_processed",
    "a_canceled_payment_stays_canceled",
    "a_captured_payment_cannot_be_canceled",
    "a_refund_is_found_with_and_without_its_reference",
    "no_more_is_refunded_than_was_captured",
    "a_payout_is_found_with_and_without_its_reference",
    "a_payout_that_is_declined_stays_declined",
    "a_forged_signature_is_rejected",
    "a_signature_covers_the_whole_body",
    "signed_nonsense_is_rejected",
    "no_secret_is_shown",
}
"""No bank is asked, no event is believed, and no setting is secret."""
DO_NOT_APPLY = {
    *(check.__name__ for check in FAULT_CHECKS),
    "silence_is_unknown",
    "an_unreachable_provider_is_unknown",
    "an_old_webhook_is_rejected",
}
"""No bank is called, and none sends webhooks."""


@pytest.fixture(scope="session")
async def checks() -> dict[str, Check]:
    provider = BankTransferProvider()
    context = Context(
        tenant="moonlit",
        mode="test",
        settings={"holder": "Moonlit GmbH", "iban": "DE89370400440532013000"},
        now=datetime.now(UTC),
        webhook_url="http://127.0.0.1:8080/v1/webhooks/moonlit/bank_transfer",
        http=DirectHttp(),
    )
    done = await run_provider_conformance(provider, context, provider.rehearsal())
    return {check.name: check for check in done}


@pytest.mark.parametrize(
    "name", [check.__name__ for check in (*CONFIRMATION_CHECKS, *PAYOUT_CHECKS, *PROVIDER_CHECKS)]
)
def test_the_contract_holds(name: str, checks: dict[str, Check]) -> None:
    check = checks[name]
    assert check.ran is (name not in NOBODY_TO_ASK | DO_NOT_APPLY), check.detail
    assert check.applies is (name not in DO_NOT_APPLY), check.detail
    assert check.passed or not check.ran, check.detail
