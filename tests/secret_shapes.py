"""What a secret looks like: the shapes of those we hand out, and the words of the tests."""

import re
from collections.abc import Iterable, Iterator, Mapping

PASSWORDS = (
    "three lamps sing",
    "seven ropes hum",
    "seven kites over harbour",
    "nine lanterns on the quay",
    "pass word/1",
    "s3cret",
)
"""With what people of the tests sign in; a test refuses one that is not among them."""
OF_OTHERS = (
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "a secret/with+signs",
    "the client's secret",
    "the-client's-secret",
    "hush-hush",
    "quiet-secret-of-a-tenant",
    "shh-quiet",
    "sk_test_localstripe",
    "whsec_localstripe",
    "whsec_lab_12345678",
    "0x4AAAAAAA-conformance-secret",
    "c2VjcmV0IG9mIGEgZ2FtZSBpbiB0aGUgbWFraW5n",
)
"""The master key of the tests, and the secrets with which their servers know each other."""
SHAPES: Mapping[str, str] = {
    "a secret key": r"\b[sr]k_[A-Za-z0-9]{20,}",
    "a secret of webhooks": r"\bwhsec_[A-Za-z0-9+/=]{16,}",
    "a secret of vouchers": r"\bvsec_[A-Za-z0-9_-]{20,}",
    "a voucher": r"\b(?:[0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}\b",
    "a refresh token": r"\brt_[A-Za-z0-9_-]{20,}",
    "a guest's secret": r"\bgs_[A-Za-z0-9_-]{20,}",
    "a signed token": r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}",
    "an authorization": r"\b(?:Bearer|Basic) [A-Za-z0-9+/=._~-]{6,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a password in an address": r"://[^\s/:@]*:[^\s/:@]+@",
    # 256 bits in base64url, as links and cookies carry. A name of ours has no capital letters.
    "the secret of a link": (
        r"(?<![\w-])(?=[\w-]{43}(?![\w-]))(?=[a-z0-9_-]*[A-Z])(?=[A-Za-z_-]*\d)[\w-]{43}"
    ),
    "the secret of an authenticator app": r"\b[A-Z2-7]{32}\b",
    "a recovery code": r"(?<![\w-])(?=[a-z-]*\d)[a-z2-9]{4}(?:-[a-z2-9]{4}){2,3}(?![\w-])",
    "a recovery key": r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}",
    "a mailed code": r"\b[Cc]ode\b\W{1,5}\d{8}\b",
}
_ANY = re.compile(
    "|".join(f"(?P<s{number}>{shape})" for number, shape in enumerate(SHAPES.values()))
)
_NAMES = tuple(SHAPES)
_BEFORE, _BEGINNING = 60, 6


def secrets_in(text: str, kept: Iterable[str] = ()) -> Iterator[str]:
    """Say for each secret in the text what it is, in which line, and how it begins.

    `kept` are further secrets, which have no shape of their own.
    """
    for found in _ANY.finditer(text):
        yield _told(text, found.start(), _NAMES[int((found.lastgroup or "")[1:])])
    for word in (*PASSWORDS, *OF_OTHERS, *kept):
        if (start := text.find(word)) >= 0:
            yield _told(text, start, "a secret of the tests")


def _told(text: str, start: int, what: str) -> str:
    """Show enough to find the place, and not the secret."""
    line = text.count("\n", 0, start) + 1
    before = text[max(0, start - _BEFORE) : start].rpartition("\n")[2]
    return f"line {line} has {what}: {before}{text[start : start + _BEGINNING]}..."
