"""What the model knows of four eyes: rules, what waits, and what everybody moved in a day."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.laws.coins import Hold

if TYPE_CHECKING:
    from tests.laws.asked import Asked
    from tests.laws.world import World

DAY = timedelta(hours=24)
QUARTER_SECONDS = 15 * 60
EXPIRES = timedelta(hours=72)
Rule = tuple[str, str | None, int | None]
"""A verb, an asset or None for each, and the amount above which it asks, None for always."""


@dataclass
class Moved:
    """An amount that counts, for who did it and for the player concerned."""

    actor: str
    player: str
    verb: str
    asset: str
    amount: int
    at: datetime


@dataclass
class Waiting:
    """A request, and what became of it; `asked` is None for a change of the rules."""

    asked: "Asked | None"
    actor: str
    moved: Moved
    hold: Hold | None
    expires_at: datetime
    state: str = "pending"
    decided_by: str | None = None


@dataclass
class Eyes:
    """Four eyes of one tenant. `people` are its operators; the first actor is a game server."""

    people: list[str] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    moved: list[Moved] = field(default_factory=list)
    requests: dict[str, Waiting] = field(default_factory=dict)
    asked: Waiting | None = None
    """What the entry asked for that is being taken; only its receipt tells the id."""
    policy: str | None = None
    """The request to change the rules that waits, by id."""

    def asks(self, world: "World", one: Moved) -> bool:
        """Whether a rule wants a second person for it; without one it counts for the next."""
        if any(self._asks(world, rule, one) for rule in self.rules):
            return True
        if any(
            v == one.verb and a in (None, one.asset) and n is not None for v, a, n in self.rules
        ):
            self.moved.append(one)
        return False

    def _asks(self, world: "World", rule: Rule, one: Moved) -> bool:
        verb, asset, above = rule
        if verb != one.verb or asset not in (None, one.asset):
            return False
        if above is None:
            return True
        first = quarter(world.now - DAY)
        window = [
            past
            for past in self.moved
            if (past.verb, past.asset) == (one.verb, one.asset) and quarter(past.at) >= first
        ]
        by_actor = sum(past.amount for past in window if past.actor == one.actor)
        of_player = sum(past.amount for past in window if past.player == one.player)
        return max(by_actor, of_player) + one.amount > above

    def store(self, world: "World", asked: "Asked", one: Moved, less: dict[str, int]) -> None:
        """Let it wait, with the coins that it would take put aside."""
        hold = None
        if less:
            hold = Hold(one.player, one.asset, dict(less))
            for bucket, count in less.items():
                world.model.purse(one.player, one.asset, bucket).held += count
        self.moved.append(one)
        self.asked = Waiting(asked, one.actor, one, hold, world.now + EXPIRES)

    def named(self, approval: str) -> None:
        """Keep what was asked for under the id that it got."""
        assert self.asked is not None
        self.requests[approval], self.asked = self.asked, None

    def has_holds(self, player: str) -> bool:
        """Whether coins of the player are put aside for something that waits."""
        return any(
            one.hold.player == player and one.hold.remaining
            for one in self.requests.values()
            if one.hold is not None
        )

    def refusal(self, world: "World", approval: str, by: str, end: str) -> str | None:
        """Why a decision is refused now, None when it is not."""
        one = self.requests.get(approval)
        if one is None:
            return "not_found"
        if one.state == end and one.decided_by == by:
            return None
        if one.state != "pending":
            return "approval_closed"
        if end == "cancelled":
            return None if one.actor == by else "not_own_request"
        if end == "expired":
            return None if one.expires_at <= world.now else "approval_not_due"
        if end == "executed" and one.expires_at <= world.now:
            return "approval_expired"
        return "own_request" if one.actor == by else None

    def end(self, world: "World", kind: str, principal: str, told: dict[str, Any]) -> Waiting:
        """Take the entry of an end: it was allowed, and what was held is free."""
        end = kind.removeprefix("approval.")
        refused = self.refusal(world, told["approval"], principal, end)
        assert refused is None, f"{told} by {principal} in place of {refused}"
        one = self.requests[told["approval"]]
        assert one.state == "pending", f"{told} is {one.state} already"
        assert (told["requestedBy"], told["verb"]) == (one.actor, one.moved.verb), told
        one.state, one.decided_by = end, principal
        if end != "executed":
            self.moved.remove(one.moved)
        if one.hold is not None:
            world.model.free(one.hold)
        return one


def quarter(at: datetime) -> int:
    """The quarter of an hour in which a moment lies."""
    return int(at.timestamp()) // QUARTER_SECONDS
