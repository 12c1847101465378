"""The form of keys and addresses, the scopes of a key, and what a refresh token is worth."""

import re
import secrets
import string
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from enum import Enum
from hashlib import sha256

from guildbank.identity.contracts import REFRESH_REUSED, Email, KeyKind, Session
from guildbank.kernel import Refusal, parse_address

_ALPHABET = string.digits + string.ascii_letters
_LETTERS = 43
"""62^43 > 2^256: nobody guesses it, so a fast hash of it is safe to store."""
_TOKEN = re.compile(rf"(sk|pk)_[0-9A-Za-z]{{{_LETTERS}}}")
_PREFIX = {"secret": "sk_", "publishable": "pk_"}
SHOWN = 10
"""Characters of a token that are kept for people to tell keys apart."""


def read_email(text: str) -> Email | Refusal:
    """Return an address as it is written to and compared, or `address_invalid`.

    Addresses are compared without regard to case: no provider of note tells them apart.
    """
    address = parse_address(text, "email")
    if isinstance(address, Refusal):
        return address
    return Email(address=address, canonical=address.casefold())


SAME_SUCCESSOR = timedelta(seconds=30)
"""So long the tabs that refreshed with one token agree on its successor."""


class Refresh(Enum):
    """What becomes of a refresh token that is accepted."""

    ADVANCE = "advance"
    REPEAT = "repeat"


def judge_refresh(session: Session, counter: int, now: datetime) -> Refresh | Refusal:
    """Return what a token of this counter does to a session that goes on; `refresh_reused`."""
    if counter == session.counter:
        return Refresh.ADVANCE
    if counter == session.counter - 1 and now - session.refreshed_at <= SAME_SUCCESSOR:
        return Refresh.REPEAT
    return REFRESH_REUSED


def new_token(kind: KeyKind) -> str:
    """Return a fresh token of the kind."""
    return _PREFIX[kind] + "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))


def is_token(text: str) -> bool:
    """Say whether the text has the form of a key; others need no look at the database."""
    return _TOKEN.fullmatch(text) is not None


def token_hash(token: str) -> bytes:
    """Return what is stored of a token."""
    return sha256(token.encode()).digest()


def check_scopes(
    wanted: Iterable[str], known: Collection[str], held: Collection[str] | None
) -> Refusal | None:
    """Return why a key cannot have these scopes, else None.

    `known` is what the rooms declare; `held` is what the caller's own key has (None: anything).
    """
    for index, name in enumerate(wanted):
        if name not in known:
            return Refusal(
                code="invalid_value",
                detail=f"{name!r} is not a scope. Scopes are: {', '.join(sorted(known))}.",
                field=f"scopes.{index}",
            )
        if held is not None and name not in held:
            return Refusal(
                code="scope_not_held",
                detail=f"Your own key lacks the scope {name}, so it cannot give it.",
                field=f"scopes.{index}",
            )
    return None
