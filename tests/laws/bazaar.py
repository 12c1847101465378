"""The simulation where coins become money or swords, and the bank keeps fees, beside the rest."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule
from tests.laws.commands import Command
from tests.laws.desk import COOLOFF
from tests.laws.draws import (
    HAPPENINGS,
    KINDS,
    Happening,
    currencies,
    keyed_commands,
    picks,
    players,
    purchases,
    refunds,
    repeated,
    waits,
    workers,
)
from tests.laws.machine import START, Economy
from tests.laws.payer import CAME_BACK
from tests.laws.payouts import AddPlace, AskPayout, DecidePayout, KeepFee, PayoutTurns
from tests.laws.purchases import Deed
from tests.laws.swords import BreakSword, BuySword

from guildbank.journal import Receipt
from guildbank.tenancy.contracts import SpentCoins

FATES = ("processed", "declined", "pending", "unknown")
EVE_SECONDS = 4 * 24 * 3_600
"""Places that were added, and coins that came, before the first day are old on it."""

places = st.builds(AddPlace, players, st.sampled_from(FATES))
payouts = st.builds(
    AskPayout, players, currencies, st.sampled_from([2, 2, 4, 4, 4, 6, 8, 10, 1, 3, 12]), picks,
    st.sampled_from([False] * 9 + [True]),
)  # fmt: skip
decisions = st.builds(
    DecidePayout, picks, after=st.sampled_from(["requested", "requested", "rejected", "canceled"])
)
turns = st.builds(
    PayoutTurns, picks, to=st.sampled_from(["processed", "declined", "pending", CAME_BACK])
)
lies = st.builds(
    PayoutTurns, picks, lie=st.sampled_from(["declined", "canceled", "pending", "unknown"])
)
swords = st.builds(BuySword, players, currencies, st.integers(2, 12))
breakings = st.builds(BreakSword, picks)
fees = st.builds(KeepFee, picks, which=st.integers(0, 1), minor=st.sampled_from([30, 30, 7, -5]))
BUSY = KINDS + repeated(
    {
        payouts: 12, decisions: 7, turns: 7, lies: 2, places: 1, fees: 3, swords: 9, breakings: 2,
        refunds: 6, purchases: 3,
    }
)  # fmt: skip


@st.composite
def busy(draw: st.DrawFn) -> Any:
    """Draw a command, or anything else that happens."""
    return draw(draw(st.sampled_from(BUSY)))


LIFE: dict[str, tuple[int, dict[str, st.SearchStrategy[Any]]]] = {
    "alone": (16, {"command": busy(), "worker": workers}),
    "together": (6, {"drawn": st.lists(st.tuples(busy(), workers), min_size=2, max_size=6)}),
    "rivals": (4, {"command": busy(), "times": st.integers(2, 4)}),
    "cash_in": (6, {"wish": payouts, "ends": st.lists(turns | lies, max_size=3)}),
    "again": HAPPENINGS["again"],
    "pay_again": HAPPENINGS["pay_again"],
    "with_a_used_key": (1, {"pick": picks, "command": keyed_commands}),
    "wait": (3, {"seconds": waits | st.just(int(COOLOFF.total_seconds()))}),
}
_NAMES = [name for name, (weight, _) in LIFE.items() for _ in range(weight)]


@st.composite
def happenings(draw: st.DrawFn) -> Happening:
    """Draw something that may happen."""
    name = draw(st.sampled_from(_NAMES))
    return name, draw(st.fixed_dictionaries(LIFE[name][1]))


class Bazaar(Economy):
    """A tenant's life whose coins buy swords, and can be paid out."""

    @initialize(policy=st.sampled_from(["refuse", "debt", "debt", "write_off"]))
    def begin(self, policy: SpentCoins) -> None:
        """Open a tenant that pays out, and let players and their places have some age."""
        self.tenant = self.town.run(self.town.tenant(policy))
        self.town.run(self.town.pay_out(self.tenant))
        for command in START:
            self.settle([self.aim(command, 0)], exact=True)
        for player in range(len(self.world.players)):
            for fate in FATES:
                self.settle([self.aim(AddPlace(player, fate), 0)], exact=True)
        self.wait(EVE_SECONDS)
        self.sound = True

    @rule(happenings=st.lists(happenings(), min_size=4, max_size=12))
    def day(self, happenings: Sequence[Happening]) -> None:
        """What happens, one after another."""
        self.live(happenings)

    def cash_in(self, wish: AskPayout, ends: Sequence[PayoutTurns]) -> None:
        """Somebody asks, is agreed to, and the bank has its say of what was just sent."""
        self.alone(wish, 0)
        self.alone(DecidePayout(0, after="requested"), 0)
        for end in ends:
            self.alone(replace(end, pick=0), 1)

    def follow(
        self,
        accepted: Sequence[tuple[Command, str | None, Receipt]],
        refused: Sequence[tuple[Command | Deed, str]],
    ) -> None:
        """Take the new entries; then every payout stands here as it stands at the bank."""
        self.world.armoury.known = self.world.last
        super().follow(accepted, refused)
        bank = self.town.bank
        assert not bank.twice, bank.twice
        for name, one in self.world.desk.payouts.items():
            stand = bank.stands.get(name)
            right = UNSENT if stand is None else AS_THERE[stand]
            waits = one.held and stand is None and one.state == "requested"
            assert waits or one.state in right, (name, one, stand)


UNSENT = frozenset({"waiting", "canceled", "rejected"})
"""How a payout stands of which the bank has never heard."""
AS_THERE = {
    "processed": frozenset({"paid"}), "declined": frozenset({"failed"}),
    CAME_BACK: frozenset({"returned"}), "pending": frozenset({"pending"}),
    "unknown": frozenset({"unknown"}),
}  # fmt: skip
