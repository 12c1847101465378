"""What became of the coins of one account: unspent, spent or clawed, lot by first lot.

A coin that was spent and put back lies in a later lot of the account, so a fate is followed
forward until the coin is at rest. The rule is docs/lots.md.
"""

from bisect import bisect_right
from collections.abc import Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

from guildbank.ledger.lots import Holes, Interval, map_position, to_credit_axis
from guildbank.ledger.provenance import AccountLots, Axis, Lot

MAX_STEPS = 1_000_000


class FateError(ValueError):
    """A coin put back twice, or put back without having left: the account is damaged."""


class Fate(Enum):
    """Where a coin is now: in the wallet, paid to the house, or taken back."""

    UNSPENT = "unspent"
    SPENT = "spent"
    CLAWED = "clawed"


class Coins(NamedTuple):
    """Coins of a first lot that share a fate; `part` counts from the start of the lot."""

    lot: Lot
    part: Interval
    fate: Fate


class _Return(NamedTuple):
    """Coins that left at `at` on the credit axis and came back from `to` on."""

    at: Interval
    to: int


def fates(account: AccountLots, spent: int) -> list[Coins]:
    """Return the fates of all coins of the account's first lots, lot by lot in order.

    `spent` is the account's S; lots with a source must name this account. The parts of a lot
    sum to it exactly. Raises FateError.
    """
    cursor = map_position(account.holes, spent)
    back = returns(account)
    found: list[Coins] = []
    steps = 0
    for lot in account.lots:
        if lot.source is not None:
            continue
        waiting = [(lot.interval, 0)]
        while waiting:
            here, at = waiting.pop()
            for part, fate in _at_rest(here, cursor, account.holes):
                steps += 1
                if steps > MAX_STEPS:
                    raise FateError(f"no end after {MAX_STEPS} parts of coins")
                began = at + part.start - here.start
                for stay, to in _followed(part, back):
                    place = began + stay.start - part.start
                    own = Interval(place, place + stay.length)
                    if to is None:
                        found.append(Coins(lot, own, fate))
                    elif fate is Fate.UNSPENT:
                        raise FateError(f"coin {stay.start} came back without having left")
                    else:
                        waiting.append((Interval(to, to + stay.length), place))
    return found


def returns(account: AccountLots) -> list[_Return]:
    """Return where coins of the account left and came back, in order of leaving.

    Raises FateError for a coin that came back twice.
    """
    found: list[_Return] = []
    for lot in account.lots:
        if lot.source is None:
            continue
        to, source = lot.start, lot.source
        places = [Interval(source.start, source.end)]
        if source.axis is Axis.FIFO:
            places = to_credit_axis(account.holes, source.start, source.end)
        for place in places:
            found.append(_Return(place, to))
            to += place.length
    found.sort()
    for before, after in pairwise(found):
        if after.at.start < before.at.end:
            raise FateError(f"coin {after.at.start} of the credit axis came back twice")
    return found


def _at_rest(here: Interval, cursor: int, holes: Holes) -> list[tuple[Interval, Fate]]:
    """Cut coins by what happened to them where they are: a hole, the cursor's side, or nothing."""
    parts: list[tuple[Interval, Fate]] = []
    position = here.start
    first = max(0, bisect_right(holes, (here.start, 0)) - 1)
    for start, length in holes[first:]:
        if start >= here.end:
            break
        hole = here.meet(Interval(start, start + length))
        if hole.length == 0:
            continue
        parts.extend(_beside(Interval(position, hole.start), cursor))
        parts.append((hole, Fate.CLAWED))
        position = hole.end
    parts.extend(_beside(Interval(position, here.end), cursor))
    return parts


def _beside(part: Interval, cursor: int) -> list[tuple[Interval, Fate]]:
    gone = part.meet(Interval(0, cursor))
    left = Interval(max(part.start, cursor), part.end)
    both = [(gone, Fate.SPENT), (left, Fate.UNSPENT)]
    return [(one, fate) for one, fate in both if one.length]


def _followed(part: Interval, back: Sequence[_Return]) -> list[tuple[Interval, int | None]]:
    """Cut coins into those that came back, with their new place, and those that did not."""
    found: list[tuple[Interval, int | None]] = []
    position = part.start
    first = max(0, bisect_right(back, part.start, key=lambda one: one.at.start) - 1)
    for at, to in back[first:]:
        if at.start >= part.end:
            break
        common = part.meet(at)
        if common.length == 0:
            continue
        if common.start > position:
            found.append((Interval(position, common.start), None))
        found.append((common, to + common.start - at.start))
        position = common.end
    if position < part.end:
        found.append((Interval(position, part.end), None))
    return found
