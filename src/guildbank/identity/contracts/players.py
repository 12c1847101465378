"""Players, what they register with, and what is refused to them."""

from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from guildbank.kernel import Refusal

PlayerState: TypeAlias = Literal["active", "suspended", "closed", "erased"]


class Player(msgspec.Struct, frozen=True):
    """A player of one tenant; `external_id` is the id in the game's own accounts, if it has some.

    Nobody starts anything for a player who is not active; what was begun is still settled.
    """

    id: str
    external_id: str | None
    state: PlayerState
    created_at: datetime


class Username(msgspec.Struct, frozen=True):
    """A user name as it is shown, and what it shares with its look-alikes, which is unique."""

    name: str
    skeleton: str


class Email(msgspec.Struct, frozen=True):
    """An e-mail address as it was given, and the form in which two of them are compared."""

    address: str
    canonical: str


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What a player registers with. Only a confirmed address belongs to one player alone.

    Who was brought along from another system may have an `external_id` and a confirmed address.
    """

    player_id: str
    external_id: str | None = None
    email_confirmed_at: datetime | None = None
    username: Username | None
    email: Email | None
    email_id: str | None
    password_hash: str | None
    locale: str | None
    country: str | None


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a player, for the player and for the tenant's people."""

    player_id: str
    state: PlayerState
    username: str | None
    email: str | None
    email_confirmed: bool
    locale: str | None
    country: str | None
    age_confirmed_at: datetime | None
    created_at: datetime


UNKNOWN_PLAYER = Refusal(
    code="unknown_player", detail="There is no such player in this tenant.", field="playerId"
)
TENANT_SUSPENDED = Refusal(
    code="tenant_suspended",
    detail="The tenant is suspended: it can be read but takes no writes until it is resumed.",
)
PLAYER_SUSPENDED = Refusal(
    code="player_suspended",
    detail="The player is suspended: nothing can be started until they are reinstated.",
)
PLAYER_CLOSED = Refusal(code="player_closed", detail="The player's account is closed.")
USERNAME_TAKEN = Refusal(
    code="username_taken",
    detail="This user name, or one that looks like it, is taken.",
    field="username",
)
EXTERNAL_ID_TAKEN = Refusal(
    code="external_id_taken", detail="A player has this id already.", field="externalId"
)
EMAIL_TAKEN = Refusal(
    code="email_taken",
    detail="The address has been confirmed for another account meanwhile.",
    field="email",
)
CHANGED_MEANWHILE = Refusal(
    code="changed_meanwhile",
    detail="Somebody else did and undid the same in this moment. Nothing was changed; try again.",
)
ERASED_SINCE = Refusal(
    code="player_erased",
    detail=(
        "The person of this line was brought along before and has been erased since. The line "
        "brings nobody along again; take it out of the file."
    ),
)
NO_PLAYER = Refusal(code="not_found", detail="There is no such player.")


def barred_by(state: PlayerState) -> Refusal | None:
    """Return why nothing is started by or for a player of this state, else None."""
    if state == "active":
        return None
    return PLAYER_SUSPENDED if state == "suspended" else PLAYER_CLOSED
