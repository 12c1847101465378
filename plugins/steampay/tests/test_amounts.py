"""Amounts go to Steam and back exactly, in the steps that Valve's page on currencies names."""

import pytest

from guildbank_steampay.amounts import CURRENCIES, NotExpressible, from_steam, to_steam


@pytest.mark.parametrize(
    ("minor", "currency", "hundredths"),
    [
        (499, "EUR", 499),
        (1, "USD", 1),
        (500, "JPY", 50_000),
        (1_000, "KRW", 100_000),
        (2_990, "KWD", 299),
        (25_000, "VND", 2_500_000),
        (900, "CLP", 90_000),
        (10_000, "INR", 10_000),
        (100_000, "CRC", 100_000),
    ],
)
def test_an_amount_goes_there_and_back(minor: int, currency: str, hundredths: int) -> None:
    assert to_steam(minor, currency) == hundredths
    assert from_steam(hundredths, currency) == minor


@pytest.mark.parametrize(
    ("minor", "currency"),
    [
        (1_050, "UAH"),  # the example of Valve's page on InitTxn
        (1_050, "INR"),
        (1_599, "KRW"),
        (700 * 1, "CRC"),
        (45_000 // 100, "VND"),
        (2_995, "KWD"),
        (499, "SEK"),
        (499, "XXX"),
    ],
)
def test_what_steam_does_not_take_is_refused(minor: int, currency: str) -> None:
    with pytest.raises(NotExpressible):
        to_steam(minor, currency)


def test_a_part_of_the_smallest_unit_is_no_amount() -> None:
    with pytest.raises(NotExpressible):
        from_steam(50, "JPY")


def test_every_currency_of_steam_s_has_minor_units() -> None:
    assert all(from_steam(to_steam(500_000, one), one) == 500_000 for one in CURRENCIES)
