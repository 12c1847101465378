"""The offset arithmetic that names every coin of an account without a row for any of them.

The rule, with a worked example, is docs/lots.md. Two axes carry it: the *credit axis* numbers
coins in the order they were credited, the *FIFO axis* numbers them in the order they are spent
first in, first out. Coins that a directed debit took are *holes* in the credit axis: no FIFO
position falls on them. All numbers count coins, all intervals are half open.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Interval(NamedTuple):
    """The coins start, start + 1, .. end - 1 of one axis of one account."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many coins it holds; an interval whose end is not past its start holds none."""
        return max(0, self.end - self.start)

    def meet(self, other: "Interval") -> "Interval":
        """The coins in both; of length 0 when they share none."""
        start = max(self.start, other.start)
        return Interval(start, max(start, min(self.end, other.end)))


Holes = tuple[tuple[int, int], ...]
"""(start, length) on the credit axis, sorted by start, never overlapping: `holes_of` makes it."""


def holes_of(intervals: Iterable[Interval]) -> Holes:
    """The holes of an account from the intervals of its directed debits, in any order.

    One hole for each, so that a hole never spans two lots. Raises ValueError when two overlap: a
    coin was clawed twice, so the account is damaged.
    """
    holes: list[tuple[int, int]] = []
    for start, end in sorted(i for i in intervals if i.length):
        if holes and start < sum(holes[-1]):
            raise ValueError(f"coin {start} of the credit axis lies in two holes")
        holes.append((start, end - start))
    return tuple(holes)


def hole_amount(holes: Holes, within: Interval) -> int:
    """How many coins of `within` (credit axis) lie in holes: what was clawed from a lot."""
    return sum(within.meet(Interval(s, s + n)).length for s, n in holes)


def map_position(holes: Holes, position: int) -> int:
    """The credit-axis place of a FIFO position: past every hole at or before it.

    For the spent total S this is the cursor: the next coin that a FIFO debit takes.
    Rule: docs/lots.md, "From one axis to the other".
    """
    for start, length in holes:
        if start > position:
            break
        position += length
    return position


def to_credit_axis(holes: Holes, fifo_start: int, fifo_end: int) -> list[Interval]:
    """The credit-axis intervals of the FIFO positions [fifo_start, fifo_end), in order.

    A hole inside splits the answer, so lengths always sum to fifo_end - fifo_start. One walk over
    the holes, whatever the number of coins. Raises ValueError when the ends are negative or cross.
    Rule: docs/lots.md, "From one axis to the other".
    """
    if not 0 <= fifo_start <= fifo_end:
        raise ValueError(f"no FIFO interval: [{fifo_start}, {fifo_end})")
    intervals: list[Interval] = []
    position, shift = fifo_start, 0
    for start, length in holes:
        hole_at = start - shift
        if hole_at >= fifo_end:
            break
        if hole_at > position:
            intervals.append(Interval(position + shift, hole_at + shift))
            position = hole_at
        shift += length
    if position < fifo_end:
        intervals.append(Interval(position + shift, fifo_end + shift))
    return intervals


def unspent_interval(lot: Interval, spent: int, clawed_from_lot: int, holes: Holes) -> Interval:
    """The coins of a lot that were neither spent nor clawed; of length 0 when none is left.

    `lot` is on the credit axis, `spent` is the account's S, `clawed_from_lot` the sum of directed
    debits on this lot, `holes` all holes of the account. Rule: docs/lots.md, "Unspent".
    Where many lots of one account are asked for, map S once and call `unspent_after`.
    """
    return unspent_after(lot, map_position(holes, spent), clawed_from_lot)


def unspent_after(lot: Interval, cursor: int, clawed_from_lot: int) -> Interval:
    """`unspent_interval` with the cursor `map_position(holes, S)` already known."""
    start = max(lot.start, cursor)
    return Interval(start, max(start, lot.end - clawed_from_lot))


def unspent_amount(lot: Interval, spent: int, clawed_from_lot: int, holes: Holes) -> int:
    """max(0, (b - clawed) - max(a, map(S))): how much a directed debit could take, holds aside."""
    return unspent_interval(lot, spent, clawed_from_lot, holes).length


def claw_interval(lot: Interval, clawed_from_lot: int, amount: int) -> Interval:
    """The hole [e - n, e) that a directed debit of `amount` leaves, e being the lot's live end.

    The caller has checked `amount` against `unspent_amount` and what is available beside holds;
    more than the lot still holds, or less than one coin, raises ValueError.
    Rule: docs/lots.md, "Directed debit".
    """
    end = lot.end - clawed_from_lot
    if not 0 < amount <= end - lot.start:
        raise ValueError(f"{amount} coins cannot be taken from {lot}, {clawed_from_lot} clawed")
    return Interval(end - amount, end)


def basis_of(lot_amount: int, basis_minor: int, start: int, end: int) -> int:
    """What the coins [start, end) of a lot cost, in minor units of the money that bought it.

    Positions count from the start of the lot. Rounding is cumulative, floor(P*y/N) - floor(P*x/N),
    so the parts of any division sum to P exactly. Raises ValueError outside the lot.
    """
    if not 0 <= start <= end <= lot_amount or lot_amount == 0 or basis_minor < 0:
        raise ValueError(f"[{start}, {end}) is no part of a lot of {lot_amount} for {basis_minor}")
    return basis_minor * end // lot_amount - basis_minor * start // lot_amount
