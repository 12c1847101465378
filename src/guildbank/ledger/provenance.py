"""Where coins came from: from any interval of coins back to the lots that first made them.

A lot is one credit. Most lots are *first lots*: a purchase or a grant made them. A lot with a
`Source` holds coins that existed before, one to one: a reversed spend puts back the coins it
names, a transfer between players moves them. The rule is docs/lots.md, "Where coins came from".
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NamedTuple

from guildbank.ledger.contracts import LotRef
from guildbank.ledger.lots import Holes, Interval, to_credit_axis

AccountKey = int

MAX_TRACE_STEPS = 100_000
"""Lots looked at in one trace; a chain of sources always leads back in time, so only damage or a
wallet that reversed a hundred thousand times comes near."""


class ProvenanceError(ValueError):
    """Coins without a lot, a source of another length, or a chain that does not end."""


class Axis(Enum):
    """Which numbering a source is given in."""

    FIFO = "fifo"  # a spend or transfer: its debit_offset
    CREDIT = "credit"  # a directed debit that is undone: its lot_offset


class Source(NamedTuple):
    """The coins [start, end) of another (or the same) account that a lot holds, one to one."""

    account: AccountKey
    start: int
    end: int
    axis: Axis = Axis.FIFO


class Lot(NamedTuple):
    """One credit: the coins [start, end) of its account's credit axis and the transfer behind."""

    ref: LotRef
    start: int
    end: int
    source: Source | None = None

    @property
    def interval(self) -> Interval:
        """The lot on the credit axis."""
        return Interval(self.start, self.end)


class AccountLots(NamedTuple):
    """What a trace needs of one account: its lots sorted by start, and its holes."""

    lots: tuple[Lot, ...]
    holes: Holes = ()


class Traced(NamedTuple):
    """Coins and their first lot: `at` where the trace began, `part` in the lot, of equal length.

    Both are on the credit axis: `at` of the account that was asked about, `part` of `account`,
    which owns `lot`.
    """

    lot: Lot
    part: Interval
    at: Interval
    account: AccountKey


def restored(account: AccountKey, debit_offset: int, reversed_before: int, amount: int) -> Source:
    """The source of a lot that reverses `amount` coins of a FIFO debit: earliest spent first.

    `reversed_before` is the sum of earlier reversals of the same debit.
    """
    start = debit_offset + reversed_before
    return Source(account, start, start + amount)


def overlapping(interval: Interval, lots: tuple[Lot, ...]) -> list[tuple[Lot, Interval]]:
    """The lots that an interval of the same credit axis touches, each with the shared part.

    One step of a trace, for a caller that loads lots level by level. Raises ProvenanceError
    when some coin of the interval is in no lot.
    """
    found: list[tuple[Lot, Interval]] = []
    position = interval.start
    index = max(0, bisect_right(lots, position, key=lambda lot: lot.start) - 1)
    while position < interval.end:
        if index == len(lots) or not lots[index].start <= position < lots[index].end:
            raise ProvenanceError(f"coin {position} of the credit axis is in no lot")
        end = min(interval.end, lots[index].end)
        found.append((lots[index], Interval(position, end)))
        position, index = end, index + 1
    return found


def restored_by_lot(source: Source, known: AccountLots) -> list[Source]:
    """A FIFO source cut where the coins change lots, in order: one credit is made for each piece.

    `known` is the source's account, of which only the lots that the interval touches are needed.
    Reversing in these pieces keeps every lot *pure*, all its coins from one first lot, so that a
    refund may take the tail of a restored lot. docs/lots.md, "Pure lots", shows what else happens.
    """
    pieces: list[tuple[Lot, Source]] = []
    position = source.start
    for place in to_credit_axis(known.holes, source.start, source.end):
        for lot, part in overlapping(place, known.lots):
            piece = Source(source.account, position, position + part.length)
            if pieces and pieces[-1][0] == lot:
                piece = piece._replace(start=pieces.pop()[1].start)
            pieces.append((lot, piece))
            position += part.length
    return [piece for _, piece in pieces]


def source_part(lot: Lot, part: Interval) -> Source | None:
    """The source of just these coins of a lot; None when the lot is a first lot."""
    if lot.source is None:
        return None
    source = lot.source
    if source.end - source.start != lot.end - lot.start:
        raise ProvenanceError(f"lot of transfer {tuple(lot.ref)} and its source differ in length")
    start = source.start + part.start - lot.start
    return source._replace(start=start, end=start + part.length)


def trace(
    account: AccountKey, intervals: Iterable[Interval], accounts: Mapping[AccountKey, AccountLots]
) -> list[Traced]:
    """The first lots of the coins in `intervals` (credit axis of `account`), in their order.

    `accounts` holds every account that a chain of sources passes through. Follows the chains
    iteratively, at most MAX_TRACE_STEPS lots. Raises ProvenanceError for a missing account or
    lot, a source of another length, or a chain past that limit.
    """
    found: list[Traced] = []
    waiting = [(account, i, i) for i in intervals if i.length][::-1]
    steps = 0
    while waiting:
        owner, here, at = waiting.pop()
        if owner not in accounts:
            raise ProvenanceError(f"a source names account {owner}, which is not known")
        deeper: list[tuple[AccountKey, Interval, Interval]] = []
        for lot, part in overlapping(here, accounts[owner].lots):
            steps += 1
            if steps > MAX_TRACE_STEPS:
                raise ProvenanceError(f"no end after {MAX_TRACE_STEPS} lots")
            began = at.start + part.start - here.start
            source = source_part(lot, part)
            if source is None and not deeper:
                found.append(Traced(lot, part, Interval(began, began + part.length), owner))
            elif source is None:
                # An earlier part of these coins is still open: keep the answer in coin order.
                deeper.append((owner, part, Interval(began, began + part.length)))
            else:
                deeper.extend(_places_of(source, began, accounts))
        waiting.extend(reversed(deeper))
    return found


def _places_of(
    source: Source, began: int, accounts: Mapping[AccountKey, AccountLots]
) -> list[tuple[AccountKey, Interval, Interval]]:
    """A source as credit-axis intervals, each with the coins of the first account it stands for."""
    if source.account not in accounts:
        raise ProvenanceError(f"a source names account {source.account}, which is not known")
    if source.axis is Axis.FIFO:
        places = to_credit_axis(accounts[source.account].holes, source.start, source.end)
    else:
        places = [Interval(source.start, source.end)]
    answer: list[tuple[AccountKey, Interval, Interval]] = []
    for place in places:
        answer.append((source.account, place, Interval(began, began + place.length)))
        began += place.length
    return answer
