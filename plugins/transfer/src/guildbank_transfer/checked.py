"""Account numbers and references with check digits, so that a slip of the pen is noticed."""

import re
from base64 import b32encode
from hashlib import sha256

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_REFERENCE = re.compile(r"RF[0-9]{2}[A-Z0-9]{1,21}")
_BASE32_WORDS = 16


def is_iban(text: str) -> bool:
    """Say whether an IBAN without spaces has right check digits (ISO 13616: ISO 7064 MOD 97-10)."""
    return _IBAN.fullmatch(text) is not None and _mod_97(text) == 1


def is_reference(text: str) -> bool:
    """Say whether a creditor reference without spaces has right check digits (ISO 11649)."""
    return _REFERENCE.fullmatch(text) is not None and _mod_97(text) == 1


def reference_of(attempt_id: str) -> str:
    """Return the creditor reference of an attempt, always the same: 80 bits, RF and two digits."""
    word = b32encode(sha256(attempt_id.encode()).digest()).decode()[:_BASE32_WORDS]
    return f"RF{98 - _mod_97(f'RF00{word}'):02}{word}"


def in_groups(text: str) -> str:
    """Return IBAN or reference in groups of four, as people read them."""
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def plain(text: str) -> str:
    """Return an IBAN or BIC without spaces, in capitals."""
    return "".join(text.split()).upper()


def _mod_97(text: str) -> int:
    return int("".join(str(int(one, 36)) for one in text[4:] + text[:4])) % 97
