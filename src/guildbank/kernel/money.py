"""Amounts as integers in minor units, and their decimal-string form in JSON. Never a float."""

import re

MAX_AMOUNT = 2**53 - 1
"""The largest amount of one leg: what a JSON number carries exactly (RFC 8259, section 6)."""

MAX_SCALE = 5
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,5}))?")


class BadAmount(ValueError):
    """The text is not an amount of this scale; the message says why."""


def parse_money(text: str, scale: int) -> int:
    """Return the minor units of a decimal string such as `"4.99"` at scale 2 -> 499.

    Raises BadAmount for signs, exponents, too many decimals or more than MAX_AMOUNT.
    """
    matched = _DECIMAL.fullmatch(text)
    if matched is None:
        raise BadAmount(f"{text[:40]!r} is not a decimal amount such as '4.99'")
    whole, fraction = matched.group(1), matched.group(2) or ""
    if len(fraction) > scale:
        raise BadAmount(f"{text!r} has more than {scale} decimals")
    minor = int(whole + fraction.ljust(scale, "0"))
    if minor > MAX_AMOUNT:
        raise BadAmount(f"{text!r} is more than {format_money(MAX_AMOUNT, scale)}")
    return minor


def format_money(amount_minor: int, scale: int) -> str:
    """Return the decimal string of minor units: 499 at scale 2 -> `"4.99"`."""
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor)).rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}" if scale else f"{sign}{digits}"
