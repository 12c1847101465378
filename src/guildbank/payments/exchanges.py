"""What is kept of a request and its answer: the fields that somebody allowed, and no card number.

Pure. Whoever calls or is called writes what they like into a body, names and addresses too; so a
field is kept because its plugin's manifest or its route names it, never because it is there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

MAX_BODY = 262_144
"""Bytes of a body that is read for its fields; of a larger one nothing is kept."""
MAX_FIELDS = 100
MAX_TEXT = 300
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_SHOWN_DIGITS = 4
_JSON = msgspec.json.Decoder(float_hook=str)
"""A number with a fraction stays as it was written."""

Fields = Mapping[str, str | int | bool]


def fields_of(body: bytes | None, allowed: Sequence[str]) -> Fields:
    """Return the allowed fields of a JSON or form body by their dotted names.

    What is null is left out. An allowed name is `status`, or with `*` for any one member,
    `purchase_units.*.amount.value`.
    """
    if not body or not allowed or len(body) > MAX_BODY:
        return {}
    patterns = [tuple(name.split(".")) for name in allowed]
    deepest = max(len(pattern) for pattern in patterns)
    kept: dict[str, str | int | bool] = {}
    for path, value in _leaves(_read(body), (), deepest):
        if len(kept) == MAX_FIELDS:
            break
        if value is not None and any(_fits(path, pattern) for pattern in patterns):
            kept[".".join(path)] = _masked(value)
    return kept


def _read(body: bytes) -> object:
    try:
        return _JSON.decode(body)
    except (msgspec.DecodeError, UnicodeError):
        pass
    except RecursionError:
        return None
    try:
        pairs = parse_qsl(body.decode(), strict_parsing=True, max_num_fields=10 * MAX_FIELDS)
    except ValueError:
        return None
    # A form's `metadata[attempt]` is the field that JSON calls metadata.attempt.
    return {name.replace("[", ".").replace("]", ""): value for name, value in pairs}


def _leaves(
    value: object, path: tuple[str, ...], deepest: int
) -> Iterator[tuple[tuple[str, ...], Any]]:
    if len(path) > deepest:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, (*path, *str(name).split(".")), deepest)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, (*path, str(number)), deepest)
    elif path:
        yield path, value


def _fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    return len(path) == len(pattern) and all(
        want in ("*", name) for name, want in zip(path, pattern, strict=True)
    )


def _masked(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        masked = mask_cards(str(value))
        return value if masked == str(value) else masked
    return mask_cards(value[:MAX_TEXT]) if isinstance(value, str) else value


def mask_cards(text: str) -> str:
    """Return the text in which every number that may be a card's shows its last four digits."""
    return _CARD.sub(_mask, text)


def _mask(found: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", found[0])
    if not _passes_luhn(digits):
        return found[0]
    return "*" * (len(digits) - _SHOWN_DIGITS) + digits[-_SHOWN_DIGITS:]


def _passes_luhn(digits: str) -> bool:
    """Say whether the check digit is right (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - 9 if number > 9 else number
    return total % 10 == 0
