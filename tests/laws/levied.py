"""What the levy of the laws makes of a price, worked out a second time and otherwise."""

from fractions import Fraction
from math import floor
from typing import NamedTuple


class Parts(NamedTuple):
    """What is asked of the player for a product, and what of that is tax and fee."""

    total: int
    taxes: int
    fees: int


def charged(product: str) -> Parts:
    """What the levy makes of a product's price, worked out anew, in exact fractions."""
    price = int(product.split(":")[3])
    match price % 4:
        case 0:
            return Parts(price, 0, 0)
        case 1:
            return Parts(price, _half_up(price * Fraction(19, 119)), 0)
        case 2:
            fee, tax = price // 10, _half_up(price * Fraction(825, 10_000))
            return Parts(price + fee + tax, tax, fee)
        case _:
            fee = price // 3
            on_fee = _half_up(fee * Fraction(19, 119))
            return Parts(price, _half_up((price - fee) * Fraction(19, 119)) + on_fee, fee - on_fee)


def _half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))
