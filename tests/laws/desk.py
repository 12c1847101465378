"""What the model knows of payouts: whose coins they took, how each stands, and what is paid."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.laws.coins import Coin, State

if TYPE_CHECKING:
    from tests.laws.world import World

Told = dict[str, Any]
COOLOFF = timedelta(hours=72)
MOST_OPEN, MOST_PLACES = 10, 5


class Terms(NamedTuple):
    """`minor` for each `per` coins of these buckets that are as old as `window`."""

    minor: int
    per: int
    least: int
    most: int
    window: timedelta
    buckets: tuple[str, ...]
    review_above: int | None


TERMS = {
    "GEM": Terms(1, 2, 2, 10, timedelta(days=1), ("free", "paid"), 2),
    "ORE": Terms(3, 1, 1, 12, timedelta(), ("free",), None),
}
OPEN = frozenset({"waiting", "requested", "sending", "pending", "unknown"})
BACK = frozenset({"failed", "returned", "canceled", "rejected"})
AFTER: Mapping[str, frozenset[str]] = {
    "waiting": frozenset({"requested", "canceled", "rejected"}),
    "requested": frozenset({"sending", "canceled"}),
    "sending": frozenset({"pending", "unknown", "paid", "failed", "returned"}),
    "unknown": frozenset({"pending", "paid", "failed", "returned"}),
    "pending": frozenset({"paid", "failed", "returned"}),
    "paid": frozenset({"returned"}),
}
"""What may become of a payout; what has ended otherwise stays so."""


@dataclass
class Place:
    """Where a player is paid."""

    player: str
    added_at: datetime


@dataclass
class Withdrawal:
    """A payout, and the very coins that it took, by bucket; `held` since its player was barred."""

    player: str
    currency: str
    minor: int
    state: str
    held: bool = False
    parts: list[tuple[str, list[Coin]]] = field(default_factory=list)


@dataclass
class Desk:
    """All payouts of a tenant; nothing is paid out while no place is known."""

    places: dict[str, Place] = field(default_factory=dict)
    payouts: dict[str, Withdrawal] = field(default_factory=dict)

    def minor(self, *states: str) -> int:
        """The money of payouts in these states."""
        return sum(one.minor for one in self.payouts.values() if one.state in states)

    def waits_for(self, player: str) -> set[str]:
        """What of the player's payouts an erasure waits for."""
        open_ = any(one.player == player and one.state in OPEN for one in self.payouts.values())
        return {"payout_in_flight"} if open_ else set()

    # Why something is refused, None where it is not

    def place_refusal(self, world: "World", player: str) -> str | None:
        """A player may have so many places."""
        if world.register.unknown(player):
            return "unknown_player"
        barred = world.register.barred(player)
        if barred is not None:
            return barred
        mine = sum(one.player == player for one in self.places.values())
        return "payout_destinations_full" if mine >= MOST_PLACES else None

    def ask_refusal(
        self, world: "World", player: str, currency: str, coins: int, place: str
    ) -> str | None:
        """A payout is of old coins, to a place that is no newcomer."""
        refused = self._stranger(world, player, place)
        if refused is not None:
            return refused
        if sum(one.player == player and one.state in OPEN for one in self.payouts.values()) >= (
            MOST_OPEN
        ):
            return "too_many_payouts"
        terms = TERMS[currency]
        if not terms.least <= coins <= terms.most:
            return "payout_out_of_bounds"
        if coins * terms.minor % terms.per:
            return "payout_not_whole"
        model = world.model
        if model.debt(player, currency):
            return "debt_outstanding"
        if sum(self._ready(world, player, currency).values()) < coins:
            there = sum(model.available(player, currency, bucket) for bucket in terms.buckets)
            return "coins_too_young" if there >= coins else "insufficient_funds"
        return "account_frozen" if (player, currency) in model.frozen else None

    def _stranger(self, world: "World", player: str, place: str) -> str | None:
        if world.register.unknown(player):
            return "unknown_player"
        barred = world.register.barred(player)
        if barred is not None:
            return barred
        known = self.places.get(place)
        if known is None or known.player != player:
            return "unknown_payout_destination"
        return "payout_cooling_off" if world.now < known.added_at + COOLOFF else None

    def _ready(self, world: "World", player: str, currency: str) -> dict[str, int]:
        """How many of the next coins of each bucket are old enough, up to the first young one."""
        terms, ready = TERMS[currency], dict[str, int]()
        for bucket in world.currencies[currency].order:
            if bucket in terms.buckets:
                purse = world.model.purse(player, currency, bucket)
                old = takewhile(
                    lambda coin: world.at[coin.origin.seq] <= world.now - terms.window, purse.queue
                )
                ready[bucket] = min(len(list(old)), purse.available)
        return ready

    def decide_refusal(self, world: "World", payout: str, after: str) -> str | None:
        """A person decides on what waits; a yes needs a player who is barred from nothing."""
        one = self.payouts.get(payout)
        if one is None:
            return "not_found"
        if after == "canceled":
            fine = one.state in ("waiting", "requested", "canceled")
            return None if fine else "payout_not_cancelable"
        if one.state != "waiting":
            return "payout_not_waiting"
        return world.register.barred(one.player) if after == "requested" else None

    # Entries

    def read(self, world: "World", name: str, told: Told) -> None:
        """Take an entry of payouts."""
        if name == "payout_requested":
            self._request(world, told)
        elif name == "payout_destination_added":
            assert self.place_refusal(world, told["player"]) is None, told
            self.places[told["destination"]] = Place(told["player"], world.now)
        elif name == "payout_held":
            assert world.register.barred(told["player"]) == told["code"], told
            self.payouts[told["payout"]].held = True
        elif name != "payout_terms_set":
            after = "requested" if name == "payout_approved" else name.removeprefix("payout_")
            self._move(world, after, told)

    def _request(self, world: "World", told: Told) -> None:
        player, currency, coins = told["player"], told["currency"], told["coins"]
        refused = self.ask_refusal(world, player, currency, coins, told["destination"])
        assert refused is None, f"{told} in place of {refused}"
        terms, left = TERMS[currency], coins
        one = Withdrawal(player, currency, coins * terms.minor // terms.per, "requested")
        if terms.review_above is not None and one.minor > terms.review_above:
            one.state = "waiting"
        for bucket, ready in self._ready(world, player, currency).items():
            part = min(left, ready)
            if part:
                purse = world.model.purse(player, currency, bucket)
                one.parts.append((bucket, purse.pop_first(part, State.PAID_OUT)))
                left -= part
        seen = told["amount"], told["state"], [tuple(part) for part in told["taken"]]
        taken = [(bucket, len(part)) for bucket, part in one.parts]
        assert seen == (one.minor, one.state, taken), (told, one)
        self.payouts[told["payout"]] = one

    def _move(self, world: "World", after: str, told: Told) -> None:
        one = self.payouts[told["payout"]]
        assert after in AFTER.get(one.state, frozenset()), (told, one.state)
        assert told["state"] == after, told
        if after == "requested":
            assert world.register.barred(one.player) is None, f"{told} of who is barred"
        if after in BACK:
            for bucket, coins in one.parts:
                world.model.put_back(one.player, one.currency, bucket, coins)
        one.state, one.held = after, False
