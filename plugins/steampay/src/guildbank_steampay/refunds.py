"""Giving money back: Steam refunds an order as a whole, and knows no key and no number of a refund.

So an order is looked at before and after, and a refund is named by the order and its item.
"""

from datetime import datetime

from guildbank.plugin_api import Decline, Outcome, OutcomeStatus, RefundRequest, never_arrived
from guildbank_steampay.client import Client, Refused, SteamFailed
from guildbank_steampay.errors import declined, row_of
from guildbank_steampay.orders import (
    CHARGED_BACK,
    IN_PART,
    Item,
    Order,
    paid_minor,
    part_minor,
    query,
)

FIRST = 1


def reference_of(order: Order, number: int = FIRST) -> str:
    """Return the name of the refund of an item; the first stands for an order given back whole."""
    return f"{order.orderid}/{number}"


async def create(client: Client, request: RefundRequest) -> Outcome:
    """Refund the order, unless it is given back already; less than all of it is declined."""
    order = await _order(client, request)
    if not order.is_paid:
        return _refuse("not_captured", "Steam took no money for this order.")
    if order.status == CHARGED_BACK:
        return _refuse("charged_back", "The money is gone: the payment was charged back.")
    whole = (paid_minor(order), order.currency) == (request.amount_minor, request.currency)
    if not whole or order.status == IN_PART:
        return _refuse("only_whole", "Steam gives back a whole purchase and no part of it.")
    if order.is_refunded:
        return _given(order)
    said = await client.ask("RefundTxn", {"orderid": order.orderid})
    fresh = await _order(client, request)
    if fresh.is_refunded:
        return _given(fresh)
    if not isinstance(said, Refused):
        return Outcome(status=OutcomeStatus.PENDING, reference=reference_of(fresh))
    row = row_of(said.code)
    if row.decline is None:
        raise SteamFailed(f"Steam did not refund: {row.word}")
    return _refuse(row.word, row.told)


async def fetch(
    client: Client, request: RefundRequest, reference: str | None, now: datetime
) -> Outcome:
    """Say how a refund stands: ours, or one that a report told of by its reference."""
    order = await _order(client, request)
    if reference is None:
        if order.is_refunded:
            return _given(order)
        return never_arrived(request.refund_id, now, "Steam")
    item, number = _item(order, reference)
    if item is not None and order.is_back(item):
        amount = paid_minor(order) if len(order.items) == 1 else part_minor(order, item)
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=reference_of(order, number),
            amount_minor=amount,
            currency=order.currency,
        )
    if order.status == "Succeeded" and number == FIRST:
        return Outcome(status=OutcomeStatus.PENDING, reference=reference)
    return Outcome(status=OutcomeStatus.UNKNOWN, reference=reference, code="reference_unknown")


async def _order(client: Client, request: RefundRequest) -> Order:
    order = await query(client, request.attempt_id)
    if order is None:
        raise SteamFailed("Steam does not show the order of the refund")
    return order


def _item(order: Order, reference: str) -> tuple[Item | None, int]:
    _, _, digits = reference.partition("/")
    number = int(digits) if digits.isdecimal() and len(digits) <= 2 else 0
    known = reference == reference_of(order, number) and 0 < number <= len(order.items)
    return (order.items[number - 1] if known else None), number


def _given(order: Order) -> Outcome:
    return Outcome(
        status=OutcomeStatus.PROCESSED,
        reference=reference_of(order),
        amount_minor=paid_minor(order),
        currency=order.currency,
    )


def _refuse(word: str, message: str) -> Outcome:
    return declined(word, Decline.DECLINED, message)
