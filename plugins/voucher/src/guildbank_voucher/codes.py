"""Codes of vouchers: which batch, which one of it, and a MAC that only the secret's owner can make.

Twenty-five digits of Crockford's base32 in five groups: 15 bits of the batch, 25 of the serial, 80
of the MAC, and a check digit that notices one wrong digit and two that were exchanged.
"""

import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest, digest
from typing import NamedTuple

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SECRET_PATTERN = "vsec_[A-Za-z0-9_-]{43}"  # noqa: S105 - the form of one, and none itself
MAX_BATCH = 2**15 - 1
MAX_SERIAL = 2**25 - 1
MAX_TYPED = 64
"""Characters of what is read as a code, with whatever parts its groups."""
_MAC_BYTES = 10
_DIGITS, _GROUP = 24, 5
_SECRET_BYTES = 32
_PREFIX = "vsec_"
_CONTEXT = b"guildbank voucher 1"
_POLYNOMIAL = 0b100101
"""x^5 + x^2 + 1, whose x runs through all 31 elements of GF(32): more than a code has digits."""
# Crockford's rules of reading: what looks like a one or a zero is one.
_READ = {
    **{digit: number for number, digit in enumerate(ALPHABET)},
    "I": 1, "L": 1, "O": 0,
}  # fmt: skip


class Value(NamedTuple):
    """What the codes of a batch are worth, in minor units, and at whose shop."""

    tenant: str
    amount_minor: int
    currency: str


class Code(NamedTuple):
    """A code as it was read; nothing says yet that it was ever made."""

    batch: int
    serial: int
    mac: bytes


def new_secret() -> str:
    """Return a secret under which codes are made."""
    return _PREFIX + urlsafe_b64encode(secrets.token_bytes(_SECRET_BYTES)).rstrip(b"=").decode()


def make(secret: str, value: Value, batch: int, serial: int) -> str:
    """Return the code of a voucher, always the same for the same."""
    if not (0 < batch <= MAX_BATCH and 0 < serial <= MAX_SERIAL):
        raise ValueError("no code has room for this batch or serial")
    number = (batch << 25 | serial) << 8 * _MAC_BYTES
    number |= int.from_bytes(_mac(secret, value, batch, serial))
    digits = [number >> 5 * at & 31 for at in reversed(range(_DIGITS))]
    text = "".join(ALPHABET[one] for one in [*digits, _check(digits)])
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read(typed: str) -> Code | None:
    """Return what somebody typed, None where a digit is wrong, missing or too much."""
    plain = "".join(typed.upper().replace("-", " ").split())
    digits = [_READ[one] for one in plain if one in _READ]
    if len(plain) != _DIGITS + 1 or len(digits) != len(plain) or len(typed) > MAX_TYPED:
        return None
    if _check(digits[:-1]) != digits[-1]:
        return None
    number = 0
    for digit in digits[:-1]:
        number = number << 5 | digit
    named = number >> 8 * _MAC_BYTES
    mac = (number & (1 << 8 * _MAC_BYTES) - 1).to_bytes(_MAC_BYTES)
    return Code(named >> 25, named & MAX_SERIAL, mac)


def is_genuine(code: Code, value: Value, secrets_: Sequence[str]) -> bool:
    """Say whether the code was made under one of the secrets for this value at this shop."""
    made = [_mac(one, value, code.batch, code.serial) for one in secrets_]
    return any(compare_digest(one, code.mac) for one in made)


def _mac(secret: str, value: Value, batch: int, serial: int) -> bytes:
    # The value is under it too: who may change settings alone cannot make old codes worth more.
    said = (value.tenant, str(value.amount_minor), value.currency, str(batch), str(serial))
    key = urlsafe_b64decode(secret.removeprefix(_PREFIX) + "=")
    return digest(key, b"\0".join([_CONTEXT, *(one.encode() for one in said)]), sha256)[:_MAC_BYTES]


def _check(digits: Sequence[int]) -> int:
    """Return the check digit: the digits as a polynomial over GF(32), at x."""
    value = 0
    for digit in [*digits, 0]:
        value <<= 1
        if value & 32:
            value ^= _POLYNOMIAL
        value ^= digit
    return value
