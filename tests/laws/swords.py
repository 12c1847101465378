"""The commands about swords that the simulation draws."""

from dataclasses import dataclass, replace
from typing import ClassVar

from tests.laws.armoury import Owned
from tests.laws.commands import Command, Expected
from tests.laws.smithy import SellSword, UseSword
from tests.laws.world import World

from guildbank.journal import Act
from guildbank.kernel import new_id
from guildbank.wallets.contracts import Spend

NO_SWORD = "swd_never"


@dataclass(frozen=True)
class BuySword(Command):
    """A sword for coins."""

    keyed: ClassVar[bool] = False

    player: int
    currency: str
    amount: int
    sword: str = NO_SWORD

    def aimed(self, world: World) -> "BuySword":
        return replace(self, sword=new_id("swd"))

    def act(self, world: World, principal: str) -> Act | None:
        command = Spend(world.player(self.player), self.currency, self.amount)
        return SellSword(principal, command, self.sword)

    def expect(self, world: World, seq: int) -> Expected:
        expected = world.spend(seq, world.player(self.player), self.currency, self.amount)
        if isinstance(expected, dict):
            world.armoury.swords[self.sword] = Owned(seq, world.spends[seq])
        return expected


@dataclass(frozen=True)
class BreakSword(Command):
    """A sword is used up, if it is there."""

    keyed: ClassVar[bool] = False

    pick: int
    sword: str = NO_SWORD

    def aimed(self, world: World) -> "BreakSword":
        known = list(world.armoury.swords)
        return replace(self, sword=known[-1 - self.pick % len(known)]) if known else self

    def act(self, world: World, principal: str) -> Act | None:
        return UseSword(principal, self.sword)

    def expect(self, world: World, seq: int) -> Expected:
        one = world.armoury.swords.get(self.sword)
        if one is None or one.state != "owned":
            return "no_sword"
        one.state = "broken"
        world.still.add(seq)
        return {"sword": self.sword}
