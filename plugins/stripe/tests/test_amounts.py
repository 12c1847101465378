"""Amounts mean the same money on both sides, in every currency with an oddity of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbank_stripe.amounts import NotExpressible, from_stripe, to_stripe


@pytest.mark.parametrize(
    ("iso_minor", "currency", "stripe"),
    [
        pytest.param(499, "EUR", 499, id="4.99 euro"),
        pytest.param(500, "JPY", 500, id="500 yen, which have no decimals anywhere"),
        pytest.param(5, "ISK", 500, id="5 krona, which Stripe writes with two decimals"),
        pytest.param(5, "UGX", 500, id="5 shilling, which Stripe writes with two decimals"),
        pytest.param(500, "MGA", 5, id="5 ariary, which Stripe writes without decimals"),
        pytest.param(5120, "KWD", 5120, id="5.120 dinar"),
        pytest.param(1045, "HUF", 1045, id="10.45 forint: only payouts must be whole"),
        pytest.param(1000, "TWD", 1000, id="10 dollars of Taiwan"),
    ],
)
def test_an_amount_is_the_same_money_at_stripe(iso_minor: int, currency: str, stripe: int) -> None:
    assert to_stripe(iso_minor, currency) == stripe
    assert from_stripe(stripe, currency) == iso_minor


@pytest.mark.parametrize(
    ("iso_minor", "currency"),
    [
        pytest.param(5124, "KWD", id="the last of three decimals must be 0"),
        pytest.param(550, "MGA", id="no fraction of an ariary"),
        pytest.param(100, "IQD", id="a currency that Stripe does not take"),
        pytest.param(100, "CLF", id="a unit of account with four decimals"),
        pytest.param(100, "XAU", id="gold has no minor unit"),
        pytest.param(100, "ZZZ", id="no currency at all"),
        pytest.param(100, "eur", id="small letters are no ISO code"),
    ],
)
def test_what_stripe_cannot_express_is_refused(iso_minor: int, currency: str) -> None:
    with pytest.raises(NotExpressible):
        to_stripe(iso_minor, currency)


def test_a_fraction_of_a_krona_is_not_rounded_away() -> None:
    with pytest.raises(NotExpressible):
        from_stripe(550, "ISK")


@given(
    amount=st.integers(1, 2**53 - 1),
    currency=st.sampled_from(["EUR", "JPY", "ISK", "UGX", "MGA", "KWD", "TND", "HUF", "KRW"]),
)
def test_no_money_is_lost_on_the_way_there_and_back(amount: int, currency: str) -> None:
    try:
        there = to_stripe(amount, currency)
    except NotExpressible:
        return
    assert from_stripe(there, currency) == amount
