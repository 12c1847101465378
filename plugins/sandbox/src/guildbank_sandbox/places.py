"""Where the sandbox pays money out to, and what happens there: both its sides know these names."""

from enum import StrEnum


class Place(StrEnum):
    """The first word of an account, which may go on behind a hyphen: `pending-0042`."""

    INSTANT = "instant"
    DECLINED = "declined"
    PENDING = "pending"
    LOST = "lost"
    """It is paid, the answer gets lost, and no webhook tells."""
    RETURNED = "returned"
    """It is paid, and has come back when somebody asks, without a webhook."""
    LATER = "later"
    FAILS = "fails"
    """It is pending, and fails a while later."""
    BOUNCES = "bounces"
    """It is paid, and comes back a while later."""


SILENT = frozenset({Place.LOST, Place.RETURNED})
"""Where no webhook tells of anything."""


def place_of(account: str) -> Place | None:
    """Return where an account is, None for one that the sandbox does not know."""
    word, _, _ = account.partition("-")
    return Place(word) if word in Place.__members__.values() else None
