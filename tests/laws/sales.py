"""A sale of coins as the model of the laws knows it, and what refunds and disputes took of it."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.laws.coins import Clawed, Credit

Told = dict[str, Any]
MONEY = "EUR"


@dataclass
class Taken:
    """A refund or dispute: its money, and what it took of each lot."""

    amount: int
    taxes: int = 0
    fees: int = 0
    coins: dict[str, int] = field(default_factory=dict)
    clawed: dict[str, Clawed] = field(default_factory=dict)
    state: str = "clawed"
    withdrawn: bool = False
    decided: str = ""

    @property
    def basis(self) -> int:
        """What the paid coins cost that were found."""
        paid = self.clawed.get("paid")
        return sum(coin.basis_minor for coin in paid.coins) if paid else 0


@dataclass
class Sale:
    """A payment whose money was captured; without `lots` it bought nothing."""

    player: str
    currency: str
    price: int
    attempt: str
    lots: dict[str, Credit] = field(default_factory=dict)
    taxes: int = 0
    fees: int = 0
    back: int = 0
    aside: int = 0
    undecided: int = 0
    claimed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    refunds: dict[str, Taken] = field(default_factory=dict)
    disputes: dict[str, Taken] = field(default_factory=dict)
    open_disputes: set[str] = field(default_factory=set)

    @property
    def settled(self) -> int:
        """For how much of what is back taxes and fees went as well."""
        return self.back - self.undecided

    def due(self, bucket: str, back: int) -> int:
        """The coins to be back once so much money is: rounded down over all refunds together."""
        return self.lots[bucket].amount * min(back, self.price) // self.price

    def dues(self, back: int) -> dict[str, int]:
        """The coins of each bucket that are yet to be taken for that, and for what is aside."""
        claimed = back + self.aside
        return {
            bucket: max(0, self.due(bucket, claimed) - self.claimed[bucket]) for bucket in self.lots
        }

    def free_again(self, bucket: str, coins: int) -> int:
        """How many of coins that were claimed nobody else claims by now."""
        due = self.due(bucket, self.back + self.aside)
        return max(0, min(coins, self.claimed[bucket] - due))

    def beside(self, back: int) -> tuple[int, int]:
        """The taxes and fees to be back by then, by the same rule."""
        gone = min(back, self.price)
        return self.taxes * gone // self.price, self.fees * gone // self.price


def compare(taken: Taken, told: Told) -> None:
    """An entry names the coins, what is owed or written off, and the cost of those found."""
    coins = (taken.coins.get("paid", 0), taken.coins.get("bonus", 0))
    owed = sum(clawed.debt for clawed in taken.clawed.values())
    paid = taken.clawed.get("paid")
    basis = sum(coin.basis_minor for coin in paid.coins) if paid else 0
    assert (told["coins"], told["bonus"]) == coins, (told, coins)
    let_go = sum(clawed.written_off for clawed in taken.clawed.values())
    seen = (told["owed"], told.get("writtenOff", 0), told["basis"])
    assert seen == (owed, let_go, basis), (told, owed, let_go, basis)
    beside = (told.get("taxes", 0), told.get("fees", 0))
    assert beside == (taken.taxes, taken.fees), (told, taken)
