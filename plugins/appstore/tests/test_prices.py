"""Prices come from Apple exactly or not at all, and parts of them by the rule of halves."""

import pytest

from guildbank_appstore.prices import NotExpressible, share_of, to_minor


@pytest.mark.parametrize(
    ("milliunits", "currency", "minor"),
    [
        (4_990, "EUR", 499),
        (0, "USD", 0),
        (600_000, "JPY", 600),
        (990, "KWD", 990),
        (25_000_000, "VND", 25_000),
        (9_900_000, "KRW", 9_900),
    ],
)
def test_a_price_has_its_minor_units(milliunits: int, currency: str, minor: int) -> None:
    assert to_minor(milliunits, currency) == minor


@pytest.mark.parametrize(
    ("milliunits", "currency"),
    [(4_995, "EUR"), (600_500, "JPY"), (-10, "EUR"), (4_990, "EURO"), (4_990, "")],
)
def test_what_has_none_is_refused(milliunits: int, currency: str) -> None:
    with pytest.raises(NotExpressible):
        to_minor(milliunits, currency)


@pytest.mark.parametrize(
    ("amount", "percentage", "share"),
    [
        (499, None, 499),
        (499, 100_000, 499),
        (499, 50_000, 250),
        (499, 67_932, 339),
        (499, 15, 0),
        (499, 400_000, 499),
        (499, -1, 0),
    ],
)
def test_a_part_goes_back_by_its_percentage(
    amount: int, percentage: int | None, share: int
) -> None:
    assert share_of(amount, percentage) == share
