"""What the model knows of players' lives: who may start something, and who is forgotten."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.laws.world import World

Told = dict[str, Any]
BARS = {"suspended": "player_suspended", "closed": "player_closed", "erased": "player_closed"}


@dataclass
class Register:
    """The state of every player, and when a suspension ends by itself."""

    states: dict[str, str]
    until: dict[str, datetime | None] = field(default_factory=dict)

    def barred(self, player: str) -> str | None:
        """Why nothing is started by or for the player, None for an active one."""
        return BARS.get(self.states.get(player, "active"))

    def bars(self) -> dict[str, str]:
        """Everybody who is barred, and why."""
        return {one: BARS[state] for one, state in self.states.items() if state in BARS}

    def erased(self, player: str) -> bool:
        """Whether nobody can tell any more who the player was."""
        return self.states.get(player) == "erased"

    def unknown(self, player: str) -> bool:
        """Whether nothing can be decided of the player: a stranger, or forgotten."""
        return player not in self.states or self.erased(player)

    # What a verb is refused with, None when it is not

    def suspend_refusal(self, player: str) -> str | None:
        """A closed account stays closed."""
        if self.unknown(player):
            return "not_found"
        return "player_closed" if self.states[player] == "closed" else None

    def reinstate_refusal(self, player: str) -> str | None:
        """Who is suspended or closed comes back."""
        if self.unknown(player):
            return "not_found"
        return "not_suspended" if self.states[player] == "active" else None

    def close_refusal(self, player: str) -> str | None:
        """Everybody's account can be closed, again too."""
        return "not_found" if self.unknown(player) else None

    def erase_refusal(self, world: "World", player: str) -> str | None:
        """Nobody is forgotten while something of theirs is under way."""
        if self.unknown(player):
            return "not_found"
        waits = world.has_open_holds(player) or world.till.waits_for(player)
        waits = waits or world.desk.waits_for(player)
        return "erasure_held" if waits else None

    def read(self, world: "World", kind: str, principal: str, told: Told) -> None:
        """Take an entry: it was allowed, and from here on the player is what it says."""
        player, name = told["playerId"], kind.removeprefix("identity.player_")
        before = self.states[player]
        assert told["before"] == before, (told, before)
        match name:
            case "suspended":
                assert self.suspend_refusal(player) is None, told
            case "reinstated":
                assert self.reinstate_refusal(player) is None, told
                if principal == "system":
                    end = self.until[player]
                    assert before == "suspended"
                    assert end is not None
                    assert end <= world.now, (told, end)
            case "closed":
                assert before in ("active", "suspended"), told
            case _:
                assert name == "erased", kind
                refused = self.erase_refusal(world, player)
                assert refused is None, (refused, told)
        self.states[player] = "active" if name == "reinstated" else name
        until = told.get("until")
        self.until[player] = datetime.fromisoformat(until) if until else None
