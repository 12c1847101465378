"""What is kept of a request and its answer: the fields that somebody allowed, and no card number.

Pure. Whoever calls or is called writes what they like into a body, names and addresses too; so a
field is kept because its plugin's manifest or its route names it, never because it is there.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from guildbank.plugin_api import Manifest, Slot

MAX_BODY = 262_144
"""Bytes of a body that is read for its fields; of a larger one nothing is kept."""
MAX_FIELDS = 100
MAX_TEXT = 300
MAX_DEPTH = 20
MAX_PATH_PART = 40
_HIDDEN = "*"
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_SHOWN_DIGITS = 4
_REQUEST_ID = re.compile(r"[!-~]{1,128}")
_JSON = msgspec.json.Decoder(float_hook=str)
"""A number with a fraction stays as it was written."""

Fields = Mapping[str, str | int | bool]
Tree = dict[str, "Tree"]
"""Allowed names, member by member; the empty name says that one ends there."""
_END = ""


def fields_of(body: bytes | None, allowed: tuple[str, ...]) -> Fields:
    """Return the allowed fields of a JSON or form body by their dotted names.

    What is null is left out. An allowed name is `status`, or with `*` for any one member,
    `purchase_units.*.amount.value`.
    """
    if not body or not allowed or len(body) > MAX_BODY:
        return {}
    kept: dict[str, str | int | bool] = {}
    _pick(_read(body), _tree(allowed), "", kept)
    return kept


def request_id_of(headers: Mapping[str, str] | None, manifest: Manifest) -> str | None:
    """Return how a company calls a request, by the header that the manifest names.

    `headers` are those of an answer, with names in lower case; None where no answer came. What does
    not look like an id, a word without spaces, is left out.
    """
    if headers is None or manifest.request_id_header is None:
        return None
    said = headers.get(manifest.request_id_header.lower(), "")
    return mask_cards(said) if _REQUEST_ID.fullmatch(said) else None


def path_of(path: str, manifest: Manifest) -> str:
    """Return what is kept of the path that a plugin called.

    A part of more than 40 characters may be a token, as a purchase's is at Google Play: it shows as
    `*`. Of a plugin that is no provider nothing is kept, since its address is a setting of the
    tenant's, which may bear a secret.
    """
    if manifest.slot is not Slot.PROVIDER:
        return ""
    parts = mask_cards(path).split("/")
    return "/".join(part if len(part) <= MAX_PATH_PART else _HIDDEN for part in parts)[:MAX_TEXT]


@lru_cache(maxsize=256)
def _tree(allowed: tuple[str, ...]) -> Tree:
    root: Tree = {}
    for name in allowed:
        node = root
        for part in name.split("."):
            node = node.setdefault(part, {})
        node[_END] = {}
    return root


def _pick(value: Any, node: Tree, path: str, kept: dict[str, str | int | bool]) -> None:
    """Keep what is allowed of a value; only members that are allowed are looked at."""
    if isinstance(value, list):
        value = {str(number): inner for number, inner in enumerate(value)}
    if not isinstance(value, dict):
        if _END in node and value is not None and len(kept) < MAX_FIELDS:
            kept[path[1:]] = _masked(value)
        return
    for name, below in node.items():
        if name == "*":
            for member, inner in value.items():
                _pick(inner, below, f"{path}.{member}", kept)
        elif name != _END and name in value:
            _pick(value[name], below, f"{path}.{name}", kept)


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
    return _nested(pairs)


def _nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return a form as JSON would have it: `metadata[attempt]` is metadata.attempt."""
    root: dict[str, Any] = {}
    for name, value in pairs:
        *above, last = name.replace("]", "").split("[", MAX_DEPTH)
        node = root
        for part in above:
            below = node.setdefault(part, {})
            node = node[part] = below if isinstance(below, dict) else {}
        node[last] = value
    return root


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
