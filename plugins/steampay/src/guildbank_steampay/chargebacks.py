"""What banks took back of an order: all of it, or single items, each by a name that stays.

Valve documents the status alone. Taken for granted is that an order which was charged back in part
shows several items, and the status at each of those that went.
"""

from collections.abc import Sequence
from typing import NamedTuple

from guildbank_steampay.orders import CHARGED_BACK, Item, Order, paid_minor, part_minor

PAID = "Succeeded"


class Chargeback(NamedTuple):
    """What went, or was charged back and is here again: its name, and how much of the money."""

    name: str
    amount_minor: int


def charged_back(order: Order) -> Sequence[Chargeback]:
    """Return what banks have taken back by now. Raises NotExpressible."""
    parts = _gone(order)
    if parts:
        return [_part(order, number, item) for number, item in parts]
    return [_whole(order)] if order.status == CHARGED_BACK else []


def not_charged_back(order: Order) -> Sequence[Chargeback]:
    """Return whatever could have been charged back and is not, or not any more.

    Raises NotExpressible.
    """
    parts = _gone(order)
    if order.status == CHARGED_BACK and not parts:
        return []
    here = [
        _part(order, number, item)
        for number, item in _numbered(order)
        if item.itemstatus != CHARGED_BACK and PAID in (order.status, item.itemstatus)
    ]
    # As one item it was charged back as a whole.
    return [_whole(order), *here] if order.status == PAID and not parts else here


def _gone(order: Order) -> Sequence[tuple[int, Item]]:
    """Return the items that went by themselves; of a single one its order says it."""
    return [one for one in _numbered(order) if one[1].itemstatus == CHARGED_BACK]


def _numbered(order: Order) -> Sequence[tuple[int, Item]]:
    """Return the items of an order that shows several."""
    return list(enumerate(order.items, 1)) if len(order.items) > 1 else []


def _whole(order: Order) -> Chargeback:
    return Chargeback(order.orderid, paid_minor(order))


def _part(order: Order, number: int, item: Item) -> Chargeback:
    return Chargeback(f"{order.orderid}/{number}", part_minor(order, item))
