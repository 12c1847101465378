"""Stripe's words for a decline mean the same as other providers'."""

import pytest

from guildbank.plugin_api import Decline
from guildbank_stripe.declines import DECLINES, decline_of


@pytest.mark.parametrize(
    ("code", "decline"),
    [
        ("insufficient_funds", Decline.INSUFFICIENT_FUNDS),
        ("expired_card", Decline.METHOD_EXPIRED),
        ("incorrect_cvc", Decline.DETAILS_WRONG),
        ("stolen_card", Decline.FRAUD_SUSPECTED),
        ("issuer_not_available", Decline.PROVIDER_UNAVAILABLE),
        ("do_not_honor", Decline.DECLINED),
        ("a_word_of_next_year", Decline.DECLINED),
    ],
)
def test_a_code_of_stripe_is_told_in_the_vocabulary_of_all_providers(code: str, decline: Decline):
    assert decline_of(code) is decline


def test_no_word_of_a_bank_lets_another_provider_charge_a_card_that_was_refused():
    elsewhere = {
        Decline.METHOD_NOT_SUPPORTED, Decline.CURRENCY_NOT_SUPPORTED,
        Decline.AMOUNT_NOT_SUPPORTED, Decline.PROVIDER_UNAVAILABLE, Decline.ACCOUNT_PROBLEM,
        Decline.INVALID_REQUEST,
    }  # fmt: skip
    soft = {code for code, decline in DECLINES.items() if decline in elsewhere}
    assert not soft & {
        "stolen_card", "lost_card", "fraudulent", "insufficient_funds", "expired_card",
        "card_velocity_exceeded", "authentication_required",
    }  # fmt: skip
