"""Amounts as Steam writes them: hundredths of every currency, some in certain steps only.

Source: https://partner.steamgames.com/doc/store/pricing/currencies . Guildbank counts in the minor
units of ISO 4217, of which JPY has none and KWD has thousandths.
"""

from decimal import Decimal

from iso4217 import Currency

_CENT = 1
_STEPS = {
    "CLP": 100, "COP": 100, "CRC": 500, "IDR": 100, "INR": 100, "JPY": 100, "KRW": 1_000,
    "KZT": 100, "TWD": 100, "UAH": 100, "UYU": 100, "VND": 50_000,
}  # fmt: skip
"""In hundredths; every other currency is taken to the hundredth."""
CURRENCIES = frozenset(_STEPS) | {
    "AED", "AUD", "BRL", "CAD", "CHF", "CNY", "EUR", "GBP", "HKD", "ILS", "KWD", "MXN", "MYR",
    "NOK", "NZD", "PEN", "PHP", "PLN", "QAR", "RUB", "SAR", "SGD", "THB", "USD", "ZAR",
}  # fmt: skip


class NotExpressible(ValueError):
    """An amount that one side cannot write; the message says why and names no person."""


def to_steam(amount_minor: int, currency: str) -> int:
    """Return ISO minor units in Steam's hundredths: 499 EUR -> 499, 500 JPY -> 50000.

    Raises NotExpressible for a currency that Steam does not take, or an amount between its steps.
    """
    hundredths = Decimal(amount_minor).scaleb(2 - _exponent(currency))
    step = _STEPS.get(currency, _CENT)
    if hundredths % step != 0:
        raise NotExpressible(f"Steam takes {currency} in steps of {Decimal(step).scaleb(-2)} only")
    return int(hundredths)


def from_steam(hundredths: int, currency: str) -> int:
    """Return Steam's hundredths in ISO minor units, exactly: no steps are asked for.

    Raises NotExpressible for a part of the smallest unit.
    """
    minor = Decimal(hundredths).scaleb(_exponent(currency) - 2)
    if minor != minor.to_integral_value():
        raise NotExpressible(f"{hundredths} hundredths {currency} have no whole minor units")
    return int(minor)


def _exponent(currency: str) -> int:
    if currency not in CURRENCIES:
        raise NotExpressible(f"Steam does not take {currency[:3]}")
    return Currency(currency).exponent or 0
