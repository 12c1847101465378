"""What may stand in a mail, where its links lead, and when it is tried again."""

import re
from collections.abc import Mapping
from datetime import datetime

from guildbank.kernel import Refusal, has_control
from guildbank.notify.contracts import LIFE, MAX_ROWS_VALUE, MAX_VALUE, RETRIES, Audience, Mail

_PATH = re.compile(r"/(?![/\\])[!-~]*")
_ENHANCED = re.compile(r"^([245]\.\d{1,3}\.\d{1,3})\b")


def check_values(values: Mapping[str, str]) -> Refusal | None:
    """Return why these cannot be put into a mail, else None.

    Refusals: `control_character`, `out_of_range`, `invalid_value` (a link that is no path), each
    with the value's name as its field.
    """
    for name, value in values.items():
        field = f"values.{name}"
        lines = value.split("\n") if is_rows(name) else [value]
        if any(has_control(line) for line in lines):
            return Refusal(
                code="control_character",
                detail=f"The {name} holds a line break or another control character.",
                field=field,
            )
        if len(value) > (most := MAX_ROWS_VALUE if is_rows(name) else MAX_VALUE):
            return Refusal(
                code="out_of_range",
                detail=f"The {name} has more than {most} characters.",
                field=field,
            )
        if is_link(name) and not _PATH.fullmatch(value):
            return Refusal(
                code="invalid_value",
                detail=f"The {name} is a path such as /confirm?token=..., without a host.",
                field=field,
            )
    return None


def is_link(name: str) -> bool:
    """Say whether the value of this name is a link."""
    return name.endswith("link")


def is_rows(name: str) -> bool:
    """Say whether the value of this name is rows under each other."""
    return name.endswith("rows")


def in_mailbox(audience: Audience, mode: str | None) -> bool:
    """Say whether a mail goes to the mailbox: players' mail of a test tenant, and no other."""
    return audience == "player" and mode == "test"


def expiry(mail: Mail, now: datetime) -> datetime:
    """Return when a mail that was not handed over is given up."""
    latest = now + LIFE
    return latest if mail.expires_at is None else min(mail.expires_at, latest)


def next_try(attempts: int, now: datetime) -> datetime | None:
    """Return when a mail is tried again after so many tries, None when it is given up."""
    return now + RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def reply_codes(code: int, words: str) -> str:
    """Return what may be kept of a server's reply: `550 5.1.1` (RFC 5321, RFC 3463)."""
    enhanced = _ENHANCED.match(words.strip())
    return f"{code} {enhanced.group(1)}" if enhanced else str(code)
