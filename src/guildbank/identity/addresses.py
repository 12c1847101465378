"""E-mail addresses as they are given, and as two of them are compared."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from guildbank.identity.contracts import Email
from guildbank.kernel import Refusal

MAX_LENGTH = 254
"""RFC 5321 allows no longer path."""


def read_email(text: str) -> Email | Refusal:
    """Return an address of RFC 5321 (with RFC 6531's letters); nothing is asked of the network.

    Addresses are compared without regard to case: no provider of note tells them apart.
    Refusal: `invalid_value`, naming the field `email`.
    """
    if len(text) > MAX_LENGTH:
        return _refused(f"An e-mail address has at most {MAX_LENGTH} characters.")
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        return _refused(str(error))
    return Email(address=found.normalized, canonical=_folded(found.normalized))


def _folded(address: str) -> str:
    return unicodedata.normalize("NFKC", address).casefold()


def _refused(detail: str) -> Refusal:
    return Refusal(code="invalid_value", detail=detail, field="email")
