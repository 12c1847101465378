"""Amounts as PayPal writes them: decimal texts, in the currencies that it takes.

Source: https://developer.paypal.com/reference/currency-codes/ . Guildbank counts in the minor units
of ISO 4217; PayPal takes no decimals in HUF, JPY and TWD, of which ISO gives HUF and TWD two.
"""

import re
from decimal import Decimal

from iso4217 import Currency

CURRENCIES = frozenset(
    {
        "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS",
        "JPY", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
    }
)  # fmt: skip
_WHOLE = frozenset({"HUF", "JPY", "TWD"})
_DECIMAL = re.compile(r"[0-9]{1,15}(\.[0-9]{1,3})?")


class NotExpressible(ValueError):
    """An amount that one side cannot write; the message says why and names no person."""


def to_paypal(amount_minor: int, currency: str) -> str:
    """Return ISO minor units as PayPal's text: 499 EUR -> "4.99", 500 JPY -> "500".

    Raises NotExpressible for a currency that PayPal does not take, or a part of its smallest coin.
    """
    if currency not in CURRENCIES:
        raise NotExpressible(f"PayPal does not take {currency[:3]}")
    exponent = _exponent(currency)
    amount = Decimal(amount_minor).scaleb(-exponent)
    if currency not in _WHOLE:
        return f"{amount:.{exponent}f}"
    if amount != amount.to_integral_value():
        raise NotExpressible(f"PayPal takes {currency} in whole units only")
    return f"{amount:.0f}"


def from_paypal(value: str, currency: str) -> int:
    """Return PayPal's text in ISO minor units, exactly.

    Raises NotExpressible for what is no amount of that currency, such as a tenth of a cent.
    """
    if not _DECIMAL.fullmatch(value):
        raise NotExpressible("the amount is no decimal number")
    minor = Decimal(value).scaleb(_exponent(currency))
    if minor != minor.to_integral_value():
        raise NotExpressible(f"{value} {currency} is a fraction that cannot be written")
    return int(minor)


def signed_from_paypal(value: str, currency: str) -> int:
    """Return an amount of a report, where what left the balance is negative, in minor units.

    Raises NotExpressible as `from_paypal` does.
    """
    if value.startswith("-"):
        return -from_paypal(value[1:], currency)
    return from_paypal(value, currency)


def _exponent(currency: str) -> int:
    try:
        exponent = Currency(currency).exponent
    except ValueError:
        raise NotExpressible(f"{currency[:3]!r} is no currency of ISO 4217") from None
    if exponent is None:
        raise NotExpressible(f"{currency} has no minor units")
    return exponent
