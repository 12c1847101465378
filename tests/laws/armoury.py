"""What the model knows of swords that coins bought: refunds take them before anybody owes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.laws.coins import Credit, Spend

if TYPE_CHECKING:
    from tests.laws.world import World


@dataclass
class Owned:
    """A sword, the spend that bought it, and the entry of that."""

    seq: int
    spend: Spend
    state: str = "owned"


@dataclass
class Armoury:
    """All swords. What was bought after `known` may be news to a refund that is decided on."""

    swords: dict[str, Owned] = field(default_factory=dict)
    known: int = 0

    def take(
        self,
        world: "World",
        lots: Mapping[str, Credit],
        due: Mapping[str, int],
        named: tuple[str, ...] | None = None,
        *,
        until: int | None = None,
    ) -> tuple[str, ...]:
        """Take swords that coins of the lots bought, the newest first, until enough are back.

        Without `named`, what an entry says was taken, all count that were bought `until` then.
        """
        taken: list[str] = []
        for name, one in sorted(self.swords.items(), key=lambda item: -item[1].seq):
            if all(world.model.clawable(lots[bucket]) >= due[bucket] for bucket in lots):
                break
            if named is None:
                seen = self._holds(one, lots) and (until is None or one.seq <= until)
            else:
                seen = name in named or (one.seq <= self.known and self._holds(one, lots))
            left = one.spend.amount - one.spend.reversed
            if seen and left and one.state == "owned":
                one.state = "taken"
                world.model.reverse_spend(one.spend)
                taken.append(name)
        return tuple(taken)

    @staticmethod
    def _holds(one: Owned, lots: Mapping[str, Credit]) -> bool:
        """Whether coins of the lots are in it."""
        coins = [coin for _, leg in one.spend.legs for coin in leg]
        origins = list(lots.values())
        return any(coin.origin in origins for coin in coins[one.spend.reversed :])
