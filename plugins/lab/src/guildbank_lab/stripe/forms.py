"""Reads the forms that Stripe's API takes: `a[b][0]=c` is a place in a tree."""

import re
from typing import Any
from urllib.parse import parse_qsl

from guildbank_lab.stripe.errors import Refused

_MOST_FIELDS = 200
_MOST_DEEP = 6
_PART = re.compile(r"[^\[\]]+")

Form = dict[str, Any]


def read_form(body: bytes) -> Form:
    """Return the form as nested objects; a list is an object whose names are numbers."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refused(400, None, "The form cannot be read.") from None
    form: Form = {}
    for name, value in pairs:
        parts = _PART.findall(name)
        if not 0 < len(parts) <= _MOST_DEEP:
            raise Refused(400, "parameter_unknown", f"No such parameter: {name[:60]}")
        place = form
        for part in parts[:-1]:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                raise Refused(400, None, f"Given twice: {name[:60]}")
        place[parts[-1]] = value
    return form


def texts(form: Form, name: str) -> dict[str, str]:
    """Return an object of texts, such as metadata."""
    found = form.get(name) or {}
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise Refused(400, None, f"Invalid object: {name}", param=name)
    return dict(found)


def text(form: Form, name: str) -> str | None:
    """Return a text, None where it is left out or empty."""
    found = form.get(name)
    if found is not None and not isinstance(found, str):
        raise Refused(400, None, f"Invalid string: {name}", param=name)
    return found or None


def number(form: Form, name: str) -> int | None:
    """Return a whole number, None where it is left out."""
    found = text(form, name)
    if found is None:
        return None
    if not re.fullmatch(r"[0-9]{1,12}", found):
        raise Refused(400, "parameter_invalid_integer", f"Invalid integer: {name}", param=name)
    return int(found)


def needed(value: Any, name: str) -> Any:
    """Return what cannot be left out."""
    if value is None:
        raise Refused(400, "parameter_missing", f"Missing required param: {name}.", param=name)
    return value
