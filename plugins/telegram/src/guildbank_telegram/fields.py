"""Reads what Telegram signed as fields: each once, and not more than Telegram ever sends."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

MAX_BYTES = 8_192
MAX_FIELDS = 32


class Malformed(ValueError):
    """The data is not such that Telegram made it. The message repeats none of it."""


def read_fields(raw: str) -> dict[str, str]:
    """Return the fields of a query string as URLSearchParams writes it; raises Malformed.

    A field that stands twice is refused: which of them was signed is a matter of who reads it.
    """
    try:
        if len(raw.encode()) > MAX_BYTES:
            raise Malformed(f"more than {MAX_BYTES} bytes")
        pairs = parse_qsl(
            raw,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except Malformed:
        raise
    except ValueError:
        raise Malformed(f"no query string of at most {MAX_FIELDS} fields") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Malformed("a field stands twice")
    # A line of the signed text is one field; a break in a name or value would make it two.
    if any("\n" in text for pair in pairs for text in pair):
        raise Malformed("a field with a line break")
    return fields


def check_string(fields: Mapping[str, str], *without: str) -> str:
    """Return the text that is signed: `name=value` sorted by name, a line each."""
    return "\n".join(f"{name}={fields[name]}" for name in sorted(fields.keys() - set(without)))
