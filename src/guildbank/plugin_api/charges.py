"""Taxes and fees that are added to a price or are in it already, and how each is worked out."""

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Literal, NamedTuple

import msgspec

MAX_CHARGES = 20
"""How many lines of all steps a purchase has."""
MAX_LABEL = 60
"""How many characters the player reads of one."""
_RATE = re.compile(r"(0|[1-9][0-9]{0,2})(?:\.[0-9]{1,6})?")
_KINDS, _PARTS = ("tax", "fee"), ("price", "fees")


class Charge(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a purchase, in minor units of its money.

    `label` is what the player reads. An `included` line is a part of the price, any other is added
    to it. `rate` is percent as a decimal string; with a rate the amount is `levied` on the
    `base_of` what the line is charged `of`: the price, or the fees before it. `step` is the step
    that proposed it; the core writes it, whatever a plugin says.
    """

    kind: Literal["tax", "fee"]
    label: str
    amount_minor: int
    included: bool = False
    rate: str | None = None
    of: Literal["price", "fees"] = "price"
    step: str = ""


class Charged(msgspec.Struct, frozen=True, kw_only=True):
    """The lines that a step proposes, in their order; none where it charges nothing."""

    charges: tuple[Charge, ...] = ()


class Parts(NamedTuple):
    """What a total is made of, in minor units: together they are the total.

    `backing` is the seller's, for what is bought; `taxes` are owed to states; `fees` are the
    seller's too, without the taxes that are in them.
    """

    backing: int
    taxes: int
    fees: int


def read_rate(rate: str) -> Fraction:
    """Return a rate in percent such as "19" or "9.975" as an exact number, from 0 to 100.

    Raises ValueError for any other text.
    """
    if not _RATE.fullmatch(rate) or (exact := Fraction(rate)) > 100:
        raise ValueError(f"{rate[:20]!r} is no rate from 0 to 100 percent such as '9.975'")
    return exact


def levied(base_minor: int, rate: str, *, included: bool) -> int:
    """Return what a rate comes to on a base, each line rounded by itself, a half up.

    Added, it is base x rate / 100. Included, it is what the base already holds of it:
    base x rate / (100 + rate), as VAT is taken out of a price that bears it.
    """
    percent = read_rate(rate)
    exact = base_minor * percent / ((100 + percent) if included else 100)
    return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator)


def added_of(charges: Iterable[Charge]) -> int:
    """Return what the lines add to the price."""
    return sum(one.amount_minor for one in charges if not one.included)


def base_of(price_minor: int, charges: Iterable[Charge], of: Literal["price", "fees"]) -> int:
    """Return what the next line is charged of.

    Of the price it is what the lines before it did not take out. Of the fees it is all fees before
    it, those in the price too, without the taxes that were taken out of them.
    """
    left = price_minor if of == "price" else 0
    for one in charges:
        if one.included and one.of == of:
            left -= one.amount_minor
        if of == "fees" and one.kind == "fee":
            left += one.amount_minor
    return left


def parts_of(price_minor: int, charges: Iterable[Charge]) -> Parts:
    """Return what the total of a price with its lines is made of."""
    lines = tuple(charges)
    taxes = sum(one.amount_minor for one in lines if one.kind == "tax")
    return Parts(base_of(price_minor, lines, "price"), taxes, base_of(price_minor, lines, "fees"))


def check_charged(price_minor: int, before: tuple[Charge, ...], charged: Charged) -> None:
    """Raise ValueError for lines that no purchase of this price and with these lines can have.

    Amounts are whole and not negative; what has a rate comes to it; what is included leaves of the
    price, or of the fees, nothing below zero; all that is added is no more than the price.
    """
    lines = before
    for one in charged.charges:
        _check_words(one)
        base = base_of(price_minor, lines, one.of)
        if one.included and one.amount_minor > base:
            raise ValueError(f"{one.amount_minor} are included in {base}")
        if one.rate is not None:
            must = levied(base, one.rate, included=one.included)
            if one.amount_minor != must:
                raise ValueError(f"{one.rate} % of {base} are {must}, not {one.amount_minor}")
        lines = (*lines, one)
    if len(lines) > MAX_CHARGES:
        raise ValueError(f"a purchase has at most {MAX_CHARGES} lines")
    if added_of(lines) > price_minor:
        raise ValueError(f"{added_of(lines)} are added to a price of {price_minor}")


def _check_words(one: Charge) -> None:
    """Raise ValueError for fields that are not what they may be: no constructor looks at types."""
    if not isinstance(_any(one), Charge):
        raise ValueError("a line is a Charge")
    amount, label, rate = (_any(field) for field in (one.amount_minor, one.label, one.rate))
    if one.kind not in _KINDS or one.of not in _PARTS or (one.kind, one.of) == ("fee", "fees"):
        raise ValueError("a line is a tax of the price, a tax of the fees, or a fee of the price")
    if type(amount) is not int or amount < 0 or type(one.included) is not bool:
        raise ValueError(f"the amount {amount!r} is no whole number of minor units from 0")
    if not isinstance(label, str) or not label.isprintable() or not label.strip():
        raise ValueError("a line has a label of one line of text")
    if len(label) > MAX_LABEL:
        raise ValueError(f"a label has at most {MAX_LABEL} characters")
    if rate is not None and not isinstance(rate, str):
        raise ValueError("a rate is a decimal string")


def _any(field: object) -> object:
    return field
