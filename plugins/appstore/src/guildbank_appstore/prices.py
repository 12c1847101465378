"""Prices as Apple writes them: thousandths of a unit of every currency.

Source: https://developer.apple.com/documentation/appstoreserverapi/price . Guildbank counts in the
minor units of ISO 4217, of which JPY has none and KWD has thousandths.
"""

from decimal import ROUND_HALF_UP, Decimal

from iso4217 import Currency

WHOLE = 100_000
"""All of a purchase, in thousandths of a percent."""


class NotExpressible(ValueError):
    """A price that has no whole minor units; the message names no person."""


def to_minor(milliunits: int, currency: str) -> int:
    """Return Apple's thousandths in ISO minor units, exactly: 4990 EUR -> 499, 600000 JPY -> 600.

    Raises NotExpressible for a part of the smallest unit, and for what is no currency.
    """
    try:
        exponent = Currency(currency).exponent or 0
    except ValueError:
        raise NotExpressible(f"{currency[:3]} is no currency of ISO 4217") from None
    minor = Decimal(milliunits).scaleb(exponent - 3)
    if milliunits < 0 or minor != minor.to_integral_value():
        raise NotExpressible(f"{milliunits} thousandths {currency} have no whole minor units")
    return int(minor)


def share_of(amount_minor: int, percentage: int | None) -> int:
    """Return the part of an amount that went back; `percentage` is in thousandths of a percent.

    Without one all of it did. Half a minor unit counts as one.
    """
    if percentage is None:
        return amount_minor
    share = Decimal(amount_minor) * min(max(percentage, 0), WHOLE) / WHOLE
    return int(share.quantize(Decimal(1), rounding=ROUND_HALF_UP))
