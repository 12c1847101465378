"""Which coins a refund, dispute or reversed grant takes: the free ones of its lot, last first.

The rule is docs/lots.md, "Directed debit". A lot whose coins were spent and put back again lies
in several places of its account, so a claw-back works on intervals, not on the lot alone.
"""

from collections.abc import Iterable, Mapping

from guildbank.ledger.contracts import LotState, Spread
from guildbank.ledger.lots import Holes, Interval, hole_amount, map_position, to_credit_axis
from guildbank.ledger.provenance import AccountKey, AccountLots, Lot, trace


def parts_from(
    lot: Lot, account: AccountKey, accounts: Mapping[AccountKey, AccountLots]
) -> list[Interval]:
    """All intervals of the account's credit axis whose coins come from `lot`, in order.

    `lot` is a first lot. The answer is the lot itself and every part of a later lot of this
    account that a reversed spend restored from it: what a refund or dispute of `lot` may take.
    Spent and clawed coins are included; `free_parts` takes them out.
    """
    parts = [lot.interval]
    for later in accounts[account].lots:
        if later.source is not None and later.start >= lot.end:
            for traced in trace(account, [later.interval], accounts):
                if traced.account == account and traced.lot.ref == lot.ref:
                    parts.append(traced.at)
    return parts


def free_parts(parts: Iterable[Interval], spent: int, holes: Holes) -> list[Interval]:
    """What of these sorted credit-axis intervals is neither spent nor clawed, in order."""
    cursor = map_position(holes, spent)
    taken = [Interval(start, start + length) for start, length in holes]
    free: list[Interval] = []
    for part in parts:
        free += _outside(Interval(max(part.start, cursor), part.end), taken)
    return free


def spent_places(parts: Iterable[Interval], spent: int, spread: Spread) -> list[Interval]:
    """What of these sorted credit-axis intervals was spent and not put back, on the FIFO axis."""
    cursor = map_position(spread.holes, spent)
    taken = [Interval(start, start + length) for start, length in spread.holes]
    back = sorted(
        Interval(one.source, one.source + one.length) for one in spread.restored if not one.directed
    )
    places: list[Interval] = []
    for part in parts:
        for here in _outside(Interval(part.start, min(part.end, cursor)), taken):
            before = hole_amount(spread.holes, Interval(0, here.start))
            places += _outside(Interval(here.start - before, here.end - before), back)
    return places


def _outside(part: Interval, others: Iterable[Interval]) -> list[Interval]:
    """Return what of an interval lies in none of the others, which are sorted."""
    left: list[Interval] = []
    start = part.start
    for other in others:
        if other.start >= part.end:
            break
        if other.start > start:
            left.append(Interval(start, other.start))
        start = max(start, other.end)
    if start < part.end:
        left.append(Interval(start, part.end))
    return left


def take_from_tail(free: list[Interval], amount: int) -> list[Interval]:
    """The last `amount` coins of sorted free intervals: the holes of a claw-back, last one first.

    Each becomes a directed debit of its own. Raises ValueError when there are not that many.
    """
    taken: list[Interval] = []
    for start, end in reversed(free):
        if amount == 0:
            break
        size = min(amount, end - start)
        taken.append(Interval(end - size, end))
        amount -= size
    if amount:
        raise ValueError(f"{amount} coins more than are free")
    return taken


def first_positions(lot: LotState, spread: Spread, taken: Interval) -> list[tuple[Interval, int]]:
    """Where coins of a lot's account stood in the lot itself, before they were spent and restored.

    `taken` is on the account's credit axis; each answer is a part of it, and the place of its
    first coin counted from the lot's start. Coins of other lots are left out.
    """
    found: list[tuple[Interval, int]] = []
    waiting = [(taken, taken.start)]
    while waiting:
        here, at = waiting.pop()
        common = here.meet(Interval(lot.start, lot.end))
        if common.length:
            began = at + common.start - here.start
            found.append((Interval(began, began + common.length), common.start - lot.start))
        for start, length, source, directed in spread.restored:
            part = here.meet(Interval(start, start + length))
            if part.length == 0:
                continue
            began = at + part.start - here.start
            from_ = source + part.start - start
            whole = Interval(from_, from_ + part.length)
            for place in [whole] if directed else to_credit_axis(spread.holes, *whole):
                waiting.append((place, began))
                began += place.length
    return sorted(found)
