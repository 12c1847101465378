"""Money as Google writes it, in units and billionths of one, and as Guildbank counts it.

Source: `Money` of https://developers.google.com/android-publisher/api-ref/rest/v3/orders .
Guildbank counts in the minor units of ISO 4217, of which JPY has none and KWD has thousandths.
"""

from decimal import Decimal

from iso4217 import Currency

from guildbank_googleplay.objects import Money

_MOST_UNITS = 10**15
_MOST_NANOS = 10**9


class NotExpressible(ValueError):
    """An amount that has no whole minor units; the message names no person."""


def to_minor(money: Money) -> int:
    """Return an amount in ISO minor units, exactly: 4 units and 990000000 nanos EUR -> 499.

    Raises NotExpressible for a part of the smallest unit, for less than nothing, and for what is
    no amount or no currency.
    """
    try:
        exponent = Currency(money.currency_code).exponent or 0
        units = int(money.units)
    except ValueError:
        raise NotExpressible(f"{money.currency_code[:3]!r} is no money") from None
    if not 0 <= units < _MOST_UNITS or not 0 <= money.nanos < _MOST_NANOS:
        raise NotExpressible("an amount below nothing, or beyond all prices")
    minor = (units + Decimal(money.nanos).scaleb(-9)).scaleb(exponent)
    if minor != minor.to_integral_value():
        said = f"{units} and {money.nanos} billionths {money.currency_code}"
        raise NotExpressible(f"{said} have no whole minor units")
    return int(minor)
