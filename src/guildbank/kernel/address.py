"""Mail addresses, and text that is safe in a line of a mail or of a screen."""

import unicodedata

from email_validator import EmailNotValidError, validate_email

from guildbank.kernel.refusal import Refusal

MAX_ADDRESS = 254
"""Characters of an address (RFC 5321, section 4.5.3.1.3, without the brackets)."""

_UNPRINTABLE = frozenset(("Cc", "Cs", "Zl", "Zp"))
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that let a text be read in another order than it is written (UTR #36, section 3.6)."""


def parse_address(text: str, field: str = "to") -> str | Refusal:
    """Return a mail address with its domain in lower case, or `address_invalid`.

    Syntax alone is looked at (RFC 5322, RFC 6531), and no name server is asked. Quoted names, names
    beyond ASCII (few servers carry them), IP addresses and domains that no mail reaches, such as
    `localhost`, are refused; `.test` is allowed.
    """
    if len(text) > MAX_ADDRESS:
        return _invalid(f"A mail address has at most {MAX_ADDRESS} characters.", field)
    if has_control(text):
        return _invalid("A mail address has no line break or other control character.", field)
    try:
        found = validate_email(
            text, allow_smtputf8=False, check_deliverability=False, test_environment=True
        )
    except EmailNotValidError as error:
        return _invalid(f"This is no mail address: {error}", field)
    return found.ascii_email or found.normalized


def _invalid(detail: str, field: str) -> Refusal:
    return Refusal(code="address_invalid", detail=detail, field=field)


def has_control(text: str) -> bool:
    """Say whether the text has a line break, another control character or a mark that turns it."""
    return any(
        unicodedata.category(character) in _UNPRINTABLE or character in _TURNS for character in text
    )
