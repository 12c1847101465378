"""How hard a password is to guess: NIST SP 800-63B, without rules of composition."""

import re
import secrets
import unicodedata
from collections.abc import Sequence

from precis_i18n import get_profile
from zxcvbn import zxcvbn

from guildbank.identity.contracts.sign_in import WEAK_PASSWORD
from guildbank.kernel import Refusal

MIN_LENGTH, MAX_LENGTH = 8, 256
_LOOKED_AT = 64
"""Characters that are searched for patterns: the search takes far longer for more."""
_MIN_SCORE = 2
"""zxcvbn's scale of 0 to 4; 2 withstands guessing over the network (10^6 to 10^8 guesses)."""
_PARTS = re.compile(r"[@.+_-]")
_precis = get_profile("OpaqueString")


def read_password(text: str, known_words: Sequence[str] = ()) -> str | Refusal:
    """Return a new password in the one form in which it is hashed (RFC 8265), if it is a good one.

    `known_words` are what a guesser would try first for this player: the user name, the address.
    Refusals: `out_of_range`, `invalid_value`, `weak_password`, each naming `password`.
    """
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return Refusal(
            code="out_of_range",
            detail=f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.",
            field="password",
        )
    password = prepare(text)
    if password is None:
        return Refusal(
            code="invalid_value",
            detail="A password must not contain control characters.",
            field="password",
        )
    known = [part for word in known_words for part in (word, *_PARTS.split(word)) if part]
    found = zxcvbn(password[:_LOOKED_AT], user_inputs=known)
    return password if found["score"] >= _MIN_SCORE else WEAK_PASSWORD


def prepare(text: str) -> str | None:
    """Return a password as it is hashed: the same however a keyboard composed its letters.

    None for one that could not have been set.
    """
    if len(text) > MAX_LENGTH:
        return None
    try:
        return str(_precis.enforce(unicodedata.normalize("NFC", text)))
    except UnicodeError:
        return None


def prepare_guess(text: str) -> str:
    """Return a password as it is compared; one that could not have been set fits nothing.

    Also not an empty one, which another system may have hashed for who had none.
    """
    return prepare(text) or secrets.token_hex(16)
