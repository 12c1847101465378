"""One account kept only by offsets, the way the ledger keeps it, to be held against real coins."""

from guildbank.ledger.claws import free_parts, parts_from, take_from_tail
from guildbank.ledger.contracts import LotRef
from guildbank.ledger.lots import (
    Holes,
    Interval,
    claw_interval,
    hole_amount,
    holes_of,
    to_credit_axis,
    unspent_amount,
)
from guildbank.ledger.provenance import AccountLots, Lot, Source, restored, restored_by_lot, trace

ACCOUNT = 1


class OffsetAccount:
    """Three totals, lots, debit offsets and holes; `Coin` here is (lot's transfer, index in it)."""

    def __init__(self) -> None:
        self.credited = self.spent = self.clawed = self.held = self.debt = 0
        self.lots: list[Lot] = []
        self.spends: list[tuple[int, int]] = []
        self.taken: list[Interval] = []
        self.reversed: dict[int, int] = {}

    @property
    def holes(self) -> Holes:
        return holes_of(self.taken)

    @property
    def balance(self) -> int:
        return self.credited - self.spent - self.clawed

    def credit(self, amount: int, source: Source | None = None) -> Lot:
        lot = Lot(LotRef(len(self.lots), 0), self.credited, self.credited + amount, source)
        self.lots.append(lot)
        self.credited += amount
        repaid = min(self.debt, amount, self.balance - self.held)
        self.spent += repaid
        self.debt -= repaid
        return lot

    def spend(self, amount: int) -> None:
        self.spends.append((self.spent, amount))
        self.spent += amount

    def free(self, lot: Lot) -> list[Interval]:
        parts = parts_from(lot, ACCOUNT, self.known())
        return free_parts(parts, self.spent, self.holes)

    def claw(self, lot: Lot, amount: int) -> None:
        free = self.free(lot)
        can = min(amount, sum(part.length for part in free), self.balance - self.held)
        for hole in take_from_tail(free, can):
            if hole.start < lot.end:
                assert hole == claw_interval(lot.interval, self.clawed_from(lot), hole.length)
            self.taken.append(hole)
        self.clawed += can
        self.debt += amount - can

    def clawed_from(self, lot: Lot) -> int:
        return hole_amount(self.holes, lot.interval)

    def unspent_of_lot_alone(self, lot: Lot) -> int:
        return unspent_amount(lot.interval, self.spent, self.clawed_from(lot), self.holes)

    def reverse(self, spend: int, amount: int) -> None:
        before = self.reversed.get(spend, 0)
        self.reversed[spend] = before + amount
        self.credit(amount, restored(ACCOUNT, self.spends[spend][0], before, amount))

    def known(self) -> dict[int, AccountLots]:
        return {ACCOUNT: AccountLots(tuple(self.lots), self.holes)}

    def coins_of_spend(self, spend: int) -> list[tuple[int, int]]:
        offset, amount = self.spends[spend]
        return self._coins(to_credit_axis(self.holes, offset, offset + amount))

    def queue(self) -> list[tuple[int, int]]:
        return self._coins(free_parts([Interval(0, self.credited)], self.spent, self.holes))

    def _coins(self, intervals: list[Interval]) -> list[tuple[int, int]]:
        found = trace(ACCOUNT, intervals, self.known())
        asked = [place for start, end in intervals for place in range(start, end)]
        assert [place for one in found for place in range(*one.at)] == asked
        return [(t.lot.ref.seq, at - t.lot.start) for t in found for at in range(*t.part)]


class PureLotsAccount(OffsetAccount):
    """Reverses lot by lot, so that a claw-back needs no more than the tail of whole lots."""

    def reverse(self, spend: int, amount: int) -> None:
        before = self.reversed.get(spend, 0)
        self.reversed[spend] = before + amount
        whole = restored(ACCOUNT, self.spends[spend][0], before, amount)
        for piece in restored_by_lot(whole, self.known()[ACCOUNT]):
            self.credit(piece.end - piece.start, piece)

    def claw(self, lot: Lot, amount: int) -> None:
        left = amount
        for one in reversed(self.lots_from(lot)):
            can = min(left, self.unspent_of_lot_alone(one), self.balance - self.held)
            if can:
                self.taken.append(claw_interval(one.interval, self.clawed_from(one), can))
                self.clawed += can
                left -= can
        self.debt += left

    def lots_from(self, first: Lot) -> list[Lot]:
        """The lots whose first coin comes from `first`, which in pure lots speaks for all."""
        heads = ((lot, trace(ACCOUNT, [lot.interval], self.known())[0].lot) for lot in self.lots)
        return [lot for lot, head in heads if head == first]


class PlainFifoAccount(OffsetAccount):
    """The wrong rule, on purpose: a spend's positions ignore the holes that claw-backs left."""

    def coins_of_spend(self, spend: int) -> list[tuple[int, int]]:
        offset, amount = self.spends[spend]
        return self._coins(to_credit_axis((), offset, offset + amount))


class MixedTailAccount(PureLotsAccount):
    """The other wrong rule: reverses in one lot, yet claws as if a lot were all of one purchase."""

    def reverse(self, spend: int, amount: int) -> None:
        OffsetAccount.reverse(self, spend, amount)
