"""Amounts go to PayPal and come back as they are, and what it cannot write is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guildbank_paypal.amounts import CURRENCIES, NotExpressible, from_paypal, to_paypal


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (499, "EUR", "4.99"),
        (5, "USD", "0.05"),
        (100_000, "GBP", "1000.00"),
        (500, "JPY", "500"),
        (50_000, "HUF", "500"),
        (9_900, "TWD", "99"),
    ],
)
def test_an_amount_is_written_as_paypal_wants_it(minor: int, currency: str, text: str) -> None:
    assert to_paypal(minor, currency) == text
    assert from_paypal(text, currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency"),
    [(50_050, "HUF"), (9_901, "TWD"), (499, "KWD"), (499, "ISK"), (499, "XAU"), (499, "ZZZ")],
)
def test_what_paypal_does_not_take_is_refused(minor: int, currency: str) -> None:
    with pytest.raises(NotExpressible):
        to_paypal(minor, currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        ("4.999", "EUR"), ("500.5", "JPY"), ("-1.00", "EUR"), ("1e3", "EUR"), ("NaN", "EUR"),
        ("Infinity", "EUR"), (" 1.00", "EUR"), ("1,00", "EUR"), ("", "EUR"), ("1.00", "ZZZ"),
        ("٤.99", "EUR"), ("9" * 40, "EUR"),
    ],
)  # fmt: skip
def test_what_is_no_amount_is_not_guessed(text: str, currency: str) -> None:
    with pytest.raises(NotExpressible):
        from_paypal(text, currency)


@given(st.integers(1, 10**12), st.sampled_from(sorted(CURRENCIES)))
def test_nothing_is_lost_on_the_way(minor: int, currency: str) -> None:
    whole = minor * 100 if currency in ("HUF", "TWD") else minor
    assert from_paypal(to_paypal(whole, currency), currency) == whole
