"""Prices come from Google exactly or not at all."""

import msgspec
import pytest

from guildbank_googleplay.objects import Money
from guildbank_googleplay.prices import NotExpressible, to_minor


def money(code: str, units: object = None, nanos: object = None) -> Money:
    said = {"currencyCode": code, "units": units, "nanos": nanos}
    given = {name: value for name, value in said.items() if value is not None}
    return msgspec.convert(given, Money)


@pytest.mark.parametrize(
    ("code", "units", "nanos", "minor"),
    [
        ("EUR", "4", 990_000_000, 499),
        ("EUR", 4, 990_000_000, 499),
        ("USD", None, None, 0),
        ("USD", None, 10_000_000, 1),
        ("JPY", "600", None, 600),
        ("KWD", None, 990_000_000, 990),
        ("KWD", "1", 1_000_000, 1_001),
        ("VND", "25000", None, 25_000),
        ("IDR", "999999999999", 990_000_000, 99_999_999_999_999),
    ],
)
def test_a_price_has_its_minor_units(code: str, units: object, nanos: object, minor: int) -> None:
    assert to_minor(money(code, units, nanos)) == minor


@pytest.mark.parametrize(
    ("code", "units", "nanos"),
    [
        ("EUR", "4", 995_000_000),
        ("EUR", "4", 990_000_001),
        ("JPY", "600", 500_000_000),
        ("EUR", "-1", None),
        ("EUR", "0", -10_000_000),
        ("EUR", "1", 1_000_000_000),
        ("EUR", str(10**15), None),
        ("EUR", "4.99", None),
        ("EUR", "1e3", None),
        ("EURO", "4", None),
        ("", "4", None),
    ],
)
def test_what_has_none_is_refused(code: str, units: object, nanos: object) -> None:
    with pytest.raises(NotExpressible):
        to_minor(money(code, units, nanos))
