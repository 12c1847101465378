"""The simulation with four eyes on: a life in which some commands wait for somebody else."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from tests.laws.asked import (
    Approve,
    Asked,
    CancelRequest,
    Decision,
    LapseRequest,
    RejectRequest,
    SetRules,
)
from tests.laws.commands import Command, Noted
from tests.laws.draws import (
    HAPPENINGS,
    KINDS,
    Happening,
    currencies,
    grants,
    noted,
    picks,
    repeated,
    reversals,
    spends,
    waits,
    workers,
)
from tests.laws.eyes import EXPIRES, Moved, Rule, Waiting
from tests.laws.machine import START, Economy

from guildbank.journal import Receipt
from guildbank.journal.contracts import Entry
from guildbank.tenancy.contracts import SpentCoins

PEOPLE = 3
SET_POLICY = "approvals.set_policy"
actors = st.sampled_from([0, 0, 1, 1, 2, 3])
people = st.integers(0, PEOPLE - 1)
verbs = st.sampled_from(["wallets.grant", "wallets.spend", "wallets.spend", "wallets.reverse"])
rules: st.SearchStrategy[Rule] = st.tuples(
    verbs, st.none() | currencies, st.sampled_from([None, 0, 4, 8, 8, 12, 12, 16])
)
policies = st.lists(rules, min_size=1, max_size=3, unique=True).map(tuple)

asked = st.builds(Asked, grants | spends | spends | noted | reversals, actors)
approvals = st.builds(Approve, picks, people)
rejections = st.builds(RejectRequest, picks, people)
cancels = st.builds(CancelRequest, picks, people, machine=st.booleans())
lapses = st.builds(LapseRequest, picks)
wishes = st.builds(SetRules, policies | st.just(()), people)

# What is asked for by name alone would pass by the gate, of which the model of the others knows
# nothing: so all of these are asked for by somebody.
GATED = (grants, spends, noted, reversals)
GUARDED = [one for one in KINDS if one not in GATED] + repeated(
    {asked: 26, approvals: 12, rejections: 6, cancels: 4, lapses: 3, wishes: 1}
)


@st.composite
def guarded(draw: st.DrawFn) -> Any:
    """Draw a command, a decision, or anything else that happens."""
    return draw(draw(st.sampled_from(GUARDED)))


LIFE: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "alone": (16, {"command": guarded(), "worker": workers}),
    "together": (6, {"drawn": st.lists(st.tuples(guarded(), workers), min_size=2, max_size=6)}),
    "rivals": (4, {"command": guarded(), "times": st.integers(2, 4)}),
    "again": (2, {"pick": picks, "worker": workers}),
    "with_a_used_key": (1, {"pick": picks, "command": asked}),
    "turned_down": (
        3,
        {
            "wish": st.builds(Asked, grants | spends, actors),
            "end": rejections | rejections | cancels | lapses,
        },
    ),
    "wait": (2, {"seconds": waits | st.just(int(EXPIRES.total_seconds()))}),
    "pay_again": HAPPENINGS["pay_again"],
}
_NAMES = [name for name, (weight, _) in LIFE.items() for _ in range(weight)]


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    """Draw something that may happen."""
    name = draw(st.sampled_from(_NAMES))
    return name, draw(st.fixed_dictionaries(LIFE[name][1]))


class Guarded(Economy):
    """A tenant's life with a policy, three operators, and a game server."""

    @initialize(policy=st.sampled_from(["refuse", "debt", "debt", "write_off"]), first=policies)
    def begin(self, policy: SpentCoins, first: tuple[Rule, ...] = ()) -> None:
        """Open a tenant, let players have something, and set the first rules."""
        self.tenant = self.town.run(self.town.tenant(policy))
        self.town.run(self.town.staff(self.tenant, PEOPLE))
        for command in START:
            # A plain command would share its keys with one that the same actor asks for.
            wanted = Asked(command) if isinstance(command, Command) else command
            self.settle([self.aim(wanted, 0)], exact=True)
        if first:
            self.alone(SetRules(first, 0), 0)
            self.alone(Approve(0, who=1), 0)
        self.sound = True

    @rule(happenings=st.lists(happenings(), min_size=4, max_size=12))
    def day(self, happenings: Sequence[Happening]) -> None:
        """What happens, one after another."""
        self.live(happenings)

    def turned_down(self, wish: Asked, end: Decision) -> None:
        """Somebody asks, is told no where it has to wait, and asks for little afterwards."""
        assert isinstance(wish.inner, Noted)
        little = replace(wish, inner=replace(wish.inner, amount=1))
        for command in (wish, end, little):
            self.alone(command, 0)

    def take(self, command: Command, key: str | None, receipt: Receipt) -> None:
        """Compare what the entry says, and learn the id of what waits."""
        super().take(command, key, receipt)
        if receipt.kind == "approval.requested":
            self.world.eyes.named(msgspec.json.decode(receipt.data)["approval"])
        else:
            assert self.world.eyes.asked is None, f"{receipt} was done, but had to wait"

    def meet(self, entry: Entry) -> None:
        """Take entries of four eyes too: an end, and what was done by it."""
        eyes, world = self.world.eyes, self.world
        if self.executing is not None:
            self._done(entry)
            return
        if not entry.kind.startswith("approval."):
            super().meet(entry)
            return
        told: dict[str, Any] = msgspec.json.decode(entry.data)
        world.still.add(entry.seq)
        assert entry.kind != "approval.policy_set", f"{entry} without a second person"
        if entry.kind == "approval.requested":
            assert told["verb"] == SET_POLICY, f"nobody asked for {entry}"
            moved = Moved(entry.principal, "", SET_POLICY, "", 0, world.now)
            eyes.moved.append(moved)
            one = Waiting(None, entry.principal, moved, None, world.now + EXPIRES)
            eyes.requests[told["approval"]] = one
        else:
            one = eyes.end(world, entry.kind, entry.principal, told)
            self.executing = one if one.state == "executed" else None

    executing: Waiting | None = None
    """What the next entry must be."""

    def _done(self, entry: Entry) -> None:
        """Take the entry of a command that was just agreed to: it is done as who asked for it."""
        one, self.executing = self.executing, None
        assert one is not None
        assert entry.principal == one.actor, entry
        if one.moved.verb == SET_POLICY:
            assert entry.kind == "approval.policy_set", entry
            self.world.still.add(entry.seq)
            self.world.eyes.rules = _rules(msgspec.json.decode(entry.data))
            return
        assert one.asked is not None
        expected = one.asked.done(self.world, entry.seq)
        assert isinstance(expected, dict), f"{one}: refused as {expected}, but {entry}"
        facts = msgspec.json.decode(entry.data)
        facts["taken"] = dict(facts.get("taken", ()))
        facts.setdefault("debt", 0)
        wrong = {name: facts.get(name) for name in expected if facts.get(name) != expected[name]}
        assert not wrong, f"{one}: {wrong} in place of {expected}"


def _rules(told: dict[str, Any]) -> list[Rule]:
    rules = told["after"]["rules"]
    return [(one["verb"], one.get("asset"), one.get("above")) for one in rules]
