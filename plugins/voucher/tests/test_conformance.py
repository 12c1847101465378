"""The contract of the provider slot holds in both modes, but for what asks who keeps books."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from guildbank.kernel.money import format_money
from guildbank.plugin_api import Context, PaymentRequest
from guildbank.plugin_api.conformance import (
    CONFIRMATION_CHECKS,
    EITHER_CHECKS,
    FAULT_CHECKS,
    PROVIDER_CHECKS,
    Check,
    DirectHttp,
    run_provider_conformance,
)
from guildbank_voucher.codes import new_secret
from guildbank_voucher.plugin import VoucherProvider

NOBODY_TO_ASK = {
    "a_declined_payment_is_declined",
    "fetch_agrees_by_reference_and_by_attempt",
    "an_open_payment_says_what_the_player_must_do",
    "a_completed_action_is_processed",
    "a_canceled_payment_stays_canceled",
    "a_captured_payment_cannot_be_canceled",
    "a_refund_is_found_with_and_without_its_reference",
    "no_more_is_refunded_than_was_captured",
    "a_forged_signature_is_rejected",
    "a_signature_covers_the_whole_body",
    "signed_nonsense_is_rejected",
}
"""No company keeps books, and no event is believed."""
DO_NOT_APPLY = {
    *(check.__name__ for check in FAULT_CHECKS),
    "silence_is_unknown",
    "an_unreachable_provider_is_unknown",
    "an_old_webhook_is_rejected",
}
"""No server is called, and nobody sends webhooks."""
NOT_RUN = NOBODY_TO_ASK | DO_NOT_APPLY
WITHOUT_SETTINGS = {"no_secret_is_shown"}
OWN = {
    "secrets": new_secret(),
    "batches": [{"batch": 1, "amount": "9.00", "currency": "EUR", "count": 30_000_000}],
}
NAMES = [check.__name__ for check in (*CONFIRMATION_CHECKS, *EITHER_CHECKS, *PROVIDER_CHECKS)]


def redeemed(context: Context, request: PaymentRequest) -> Mapping[str, str]:
    amount = format_money(request.amount_minor, 2)
    return {"amount": amount, "currency": request.currency, "transaction": request.attempt_id}


async def checked(settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Check]:
    provider = VoucherProvider()
    context = Context(
        tenant="moonlit",
        mode="test",
        settings=settings,
        now=datetime.now(UTC),
        webhook_url="http://127.0.0.1:8080/v1/webhooks/moonlit/voucher",
        http=DirectHttp(),
    )
    rehearsal = provider.rehearsal()
    if by_hand:
        rehearsal = msgspec.structs.replace(rehearsal, confirms=redeemed, confirms_as="operator")
    done = await run_provider_conformance(provider, context, rehearsal)
    return {check.name: check for check in done}


@pytest.fixture(scope="session")
async def own() -> dict[str, Check]:
    return await checked(OWN, by_hand=False)


@pytest.fixture(scope="session")
async def by_hand() -> dict[str, Check]:
    return await checked({"mode": "by_hand"}, by_hand=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds_for_own_codes(name: str, own: dict[str, Check]) -> None:
    check = own[name]
    assert check.ran is (name not in NOT_RUN), check.detail
    assert check.applies is (name not in DO_NOT_APPLY), check.detail
    assert check.passed or not check.ran, check.detail


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_holds_for_codes_looked_at_by_hand(
    name: str, by_hand: dict[str, Check]
) -> None:
    check = by_hand[name]
    assert check.ran is (name not in NOT_RUN | WITHOUT_SETTINGS), check.detail
    assert check.applies is (name not in DO_NOT_APPLY), check.detail
    assert check.passed or not check.ran, check.detail
