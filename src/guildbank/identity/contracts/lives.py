"""What becomes of a player's record: who is barred and why, legal holds, erasures."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import msgspec

from guildbank.identity.contracts.players import PlayerState
from guildbank.journal import Need, Stage
from guildbank.kernel import Refusal

MAX_REASON = 500


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Why a player is not active. `sealed` is the reason under the person's key."""

    player_id: str
    state: PlayerState
    principal: str
    since: datetime
    until: datetime | None
    sealed: bytes | None


class Follower(Protocol):
    """An upper room that marks its own rows in the commit that changes a player's state.

    `needs` is asked in two rounds; `follow` stages the rows.
    """

    def needs(self, stage: Stage, player_id: str) -> Iterable[Need]:
        """Return what `follow` will read."""
        ...

    def follow(self, stage: Stage, player_id: str, state: PlayerState) -> None:
        """Let the rows of the room say what the player may do from here on."""
        ...


class LegalHold(msgspec.Struct, frozen=True, kw_only=True):
    """A duty to keep what is known of a person, until it is lifted or its time is over."""

    id: str
    player_id: str
    reason: str | None
    placed_by: str
    placed_at: datetime
    until: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """A person to be forgotten: `own` says that the player asked, who may undo it until `due_at`.

    From `erased_at` on nobody can tell who it was; until `swept_at` rows that name nobody any more
    are cleared away.
    """

    player_id: str
    own: bool
    principal: str
    requested_at: datetime
    due_at: datetime
    erased_at: datetime | None = None
    swept_at: datetime | None = None


NOT_SUSPENDED = Refusal(code="not_suspended", detail="The player is neither suspended nor closed.")
UNTIL_PAST = Refusal(
    code="out_of_range", detail="The end must lie ahead, at most ten years.", field="until"
)
NO_CHANGE = Refusal(code="no_change", detail="Nothing is to be changed.")
NO_HOLD = Refusal(code="not_found", detail="There is no such legal hold.")
NO_ERASURE = Refusal(code="not_found", detail="No erasure of this player waits.")
ERASURE_ASKED = Refusal(code="erasure_waiting", detail="The player's data is to be erased already.")
