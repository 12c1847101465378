"""Why an operator or a machine makes a change, in their own words, beside any call."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from guildbank.infra.http.problems import problem

REASON_HEADER: Final = "x-reason"
MAX_REASON = 500

REASON_PARAMETER: Final[dict[str, Any]] = {
    "name": "X-Reason",
    "in": "header",
    "required": False,
    "description": (
        "Why, in words that the audit keeps with the change: UTF-8 in percent-encoding "
        f"(RFC 3986), at most {MAX_REASON} characters."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 3 * 4 * MAX_REASON},
    "example": "Ticket%204711",
}


def read_reason(headers: Mapping[str, str]) -> str | None:
    """Return what the header says, None where it was not sent; raises Problem `invalid_value`."""
    sent = headers.get(REASON_HEADER)
    if sent is None:
        return None
    try:
        reason = unquote_to_bytes(sent).decode().strip()
    except UnicodeError:
        reason = ""
    if not 0 < len(reason) <= MAX_REASON or not reason.isprintable():
        raise problem(
            "invalid_value",
            f"A reason is 1 to {MAX_REASON} printable characters, as UTF-8 in percent-encoding.",
            field="X-Reason",
        )
    return reason
