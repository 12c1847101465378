"""After each decline follows what Stripe says of it, and a player is told no more than that."""

from collections.abc import Iterable

import pytest

from guildbank.payments.declines import TABLE, Next, told_to_player
from guildbank.plugin_api import Decline
from guildbank_lab.stripe.declines import CODES
from guildbank_stripe.declines import decline_of

# The column "Next steps" of https://docs.stripe.com/declines/codes , code by code.
CONCEAL = ("fraudulent", "lost_card", "merchant_blacklist", "stolen_card")
ASK_THE_ISSUER = (
    "call_issuer", "card_not_supported", "card_velocity_exceeded", "currency_not_supported",
    "do_not_honor", "do_not_try_again", "generic_decline", "invalid_account", "invalid_amount",
    "new_account_information_available", "no_action_taken", "not_permitted", "pickup_card",
    "restricted_card", "revocation_of_all_authorizations", "revocation_of_authorization",
    "security_violation", "service_not_allowed", "stop_payment_order", "transaction_not_allowed",
)  # fmt: skip
ANOTHER_CARD = (
    "expired_card", "insufficient_funds", "pin_try_exceeded", "testmode_decline",
    "withdrawal_count_limit_exceeded",
)  # fmt: skip
RIGHT_DETAILS = (
    "incorrect_address", "incorrect_cvc", "incorrect_number", "incorrect_pin", "incorrect_zip",
    "invalid_cvc", "invalid_expiry_month", "invalid_expiry_year", "invalid_number", "invalid_pin",
)  # fmt: skip
AUTHENTICATE = (
    "authentication_not_handled", "authentication_required",
    "mobile_device_authentication_required", "offline_pin_required",
    "online_or_offline_pin_required",
)  # fmt: skip
AGAIN = (
    "approve_with_id", "issuer_not_available", "processing_error", "reenter_transaction",
    "try_again_later",
)  # fmt: skip
LOOK_FIRST = ("duplicate_transaction",)


def after(codes: Iterable[str], *steps: Next) -> dict[str, frozenset[Next]]:
    return dict.fromkeys(codes, frozenset(steps))


STEPS = {
    **after(CONCEAL, Next.NOTHING),
    **after(ASK_THE_ISSUER, Next.ANOTHER_METHOD),
    # They may have been reported lost or stolen; a currency may be another provider's.
    **after(("pickup_card", "restricted_card"), Next.NOTHING),
    **after(("currency_not_supported",), Next.ELSEWHERE),
    **after(ANOTHER_CARD, Next.ANOTHER_METHOD),
    **after((*RIGHT_DETAILS, *AUTHENTICATE), Next.SAME),
    **after(AGAIN, Next.SAME, Next.ELSEWHERE),
    **after(LOOK_FIRST, Next.NOTHING),
}


def test_each_code_of_the_page_is_a_switch_of_the_lab() -> None:
    assert len(CODES) == len(set(CODES)) == 50
    assert set(CODES) == set(STEPS)


@pytest.mark.parametrize("code", CODES)
def test_what_follows_is_what_stripe_says(code: str) -> None:
    assert TABLE[decline_of(code)].next in STEPS[code]


@pytest.mark.parametrize("code", CONCEAL)
def test_a_player_is_told_no_more_than_of_a_decline_without_a_reason(code: str) -> None:
    meant, generic = decline_of(code), decline_of("generic_decline")
    assert TABLE[meant].told == TABLE[generic].told
    assert told_to_player(meant) == told_to_player(generic) == Decline.DECLINED


def test_all_else_is_told_as_it_is() -> None:
    for meant in set(Decline) - {Decline.FRAUD_SUSPECTED}:
        assert told_to_player(meant) == meant
    assert told_to_player(None) is None


def test_each_reason_has_a_row() -> None:
    assert set(TABLE) == set(Decline)
