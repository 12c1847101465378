"""Fates by offsets agree with coins that are objects, on random histories."""

import random

import pytest

from guildbank.ledger.claws import spent_places
from guildbank.ledger.contracts import Address, LotRef, LotState, Restored, Spread
from guildbank.ledger.fates import Fate, FateError, fates
from guildbank.ledger.lots import Interval, holes_of
from guildbank.ledger.provenance import AccountLots, Axis, Lot, Source
from guildbank.ledger.rules import lot_parts

ACCOUNT = 1
CREDIT = Axis.CREDIT


class Wallet:
    """Coins as objects: each knows the lot and index that first made it, and what became of it."""

    def __init__(self) -> None:
        self.axis: list[tuple[int, int]] = []
        self.fate: dict[tuple[int, int], Fate] = {}
        self.queue: list[int] = []
        self.lots: list[Lot] = []
        self.taken: list[Interval] = []
        self.fifo: list[int] = []
        self.restored: set[int] = set()

    def credit(self, coins: list[tuple[int, int]], source: Source | None = None) -> None:
        start = len(self.axis)
        self.axis += coins
        self.queue += range(start, len(self.axis))
        self.fate |= dict.fromkeys(coins, Fate.UNSPENT)
        self.lots.append(Lot(LotRef(len(self.lots), 0), start, len(self.axis), source))

    def buy(self, amount: int) -> None:
        self.credit([(len(self.lots), index) for index in range(amount)])

    def spend(self, amount: int) -> None:
        for place in self.queue[:amount]:
            self.fate[self.axis[place]] = Fate.SPENT
            self.fifo.append(place)
        self.queue = self.queue[amount:]

    def claw(self, place: int) -> None:
        self.queue.remove(place)
        self.fate[self.axis[place]] = Fate.CLAWED
        self.taken.append(Interval(place, place + 1))

    def restore(self, position: int) -> None:
        place = self.fifo[position]
        if place not in self.restored:
            self.restored.add(place)
            self.credit([self.axis[place]], Source(ACCOUNT, position, position + 1))

    def unclaw(self, place: int) -> None:
        if place not in self.restored:
            self.restored.add(place)
            source = Source(ACCOUNT, place, place + 1, Axis.CREDIT)
            self.credit([self.axis[place]], source)

    def known(self) -> AccountLots:
        return AccountLots(tuple(self.lots), holes_of(self.taken))


def lived(seed: int) -> Wallet:
    """Return a wallet with a random history."""
    rng = random.Random(seed)
    wallet = Wallet()
    for _ in range(40):
        match rng.randrange(5):
            case 0:
                wallet.buy(rng.randint(1, 6))
            case 1:
                wallet.spend(rng.randint(1, 5))
            case 2 if wallet.queue:
                wallet.claw(rng.choice(wallet.queue))
            case 3 if wallet.fifo:
                wallet.restore(rng.randrange(len(wallet.fifo)))
            case 4 if wallet.taken:
                wallet.unclaw(rng.choice(wallet.taken).start)
    return wallet


@pytest.mark.parametrize("seed", range(200))
def test_every_coin_has_the_fate_that_it_met(seed: int):
    wallet = lived(seed)
    by_offsets = {
        (coins.lot.ref.seq, index): coins.fate
        for coins in fates(wallet.known(), len(wallet.fifo))
        for index in range(coins.part.start, coins.part.end)
    }
    assert by_offsets == wallet.fate


@pytest.mark.parametrize("seed", range(200))
def test_what_a_lots_coins_were_spent_at_is_known(seed: int):
    wallet = lived(seed)
    spread = Spread(
        holes_of(wallet.taken),
        tuple(
            Restored(lot.start, lot.end - lot.start, lot.source.start, lot.source.axis is CREDIT)
            for lot in wallet.lots
            if lot.source is not None
        ),
    )
    address = Address("player", "GEM", "paid")
    for lot in wallet.lots:
        if lot.source is None:
            parts = lot_parts(LotState(address, lot.start, lot.end), spread)
            places = spent_places(parts, len(wallet.fifo), spread)
            assert sorted(at for place in places for at in range(*place)) == [
                position
                for position, place in enumerate(wallet.fifo)
                if wallet.axis[place][0] == lot.ref.seq and place not in wallet.restored
            ]


def test_a_coin_that_comes_back_twice_or_never_left_is_damage():
    first = Lot(LotRef(1, 0), 0, 4)
    back = Lot(LotRef(2, 0), 4, 6, Source(ACCOUNT, 0, 2))
    twice = Lot(LotRef(3, 0), 6, 8, Source(ACCOUNT, 1, 3))
    with pytest.raises(FateError, match="came back twice"):
        fates(AccountLots((first, back, twice)), 4)
    with pytest.raises(FateError, match="without having left"):
        fates(AccountLots((first, back)), 1)
