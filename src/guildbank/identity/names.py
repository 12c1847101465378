"""User names that people cannot mistake for each other: PRECIS (RFC 8265) and UTS #39."""

import unicodedata
from functools import cache

from confusable_homoglyphs.confusables import confusables_data
from precis_i18n import get_profile

from guildbank.identity.contracts.players import Username
from guildbank.kernel import Refusal

MIN_LENGTH, MAX_LENGTH = 3, 32
_precis = get_profile("UsernameCaseMapped")
_LEFT_TO_RIGHT = "\u200e"


def read_username(text: str) -> Username | Refusal:
    """Return a user name as it is kept and compared, in the case-mapped form of RFC 8265.

    Refusal: `invalid_value`, naming the field `username`.
    """
    if not MIN_LENGTH <= len(text) <= MAX_LENGTH:
        return _refused(f"A user name has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    if "@" in text:
        return _refused("A user name has no @, which marks an e-mail address.")
    try:
        name = _precis.enforce(text)
    except UnicodeError:
        return _refused(
            "A user name has letters, digits and visible ASCII signs only: no spaces, no symbols, "
            "no invisible characters."
        )
    if not MIN_LENGTH <= len(name) <= MAX_LENGTH:
        return _refused(f"A user name has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    return Username(name=name, skeleton=skeleton(name))


def skeleton(text: str) -> str:
    """Return what all look-alikes of `text` have in common (UTS #39, section 4), not to be shown.

    "paypal" with a Cyrillic "a" has the skeleton of "paypal".
    """
    prototypes = _prototypes()
    plain = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFD", "".join(prototypes.get(sign, sign) for sign in plain))


@cache
def _prototypes() -> dict[str, str]:
    """Return the prototype of each sign that has one.

    The library lists for every sign all that is one step away: for a source its only prototype,
    for a prototype its sources. Of a lone pair either may stand for both, so the longer or the
    smaller one does.
    """
    near = {
        sign.replace(_LEFT_TO_RIGHT, ""): [
            other["c"].replace(_LEFT_TO_RIGHT, "") for other in others
        ]
        for sign, others in confusables_data.items()
    }
    found = {}
    for sign, others in near.items():
        if len(sign) != 1 or len(others) != 1:
            continue
        (other,) = others
        if len(near.get(other, ())) > 1 or _rank(other) < _rank(sign):
            found[sign] = other
    return found


def _rank(sign: str) -> tuple[int, str]:
    return -len(sign), sign


def _refused(detail: str) -> Refusal:
    return Refusal(code="invalid_value", detail=detail, field="username")
