"""Orders at Steam: their number, how they stand, and what is certain about their money.

Statuses: https://partner.steamgames.com/doc/features/microtransactions/implementation#status_values
"""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from guildbank.plugin_api import Decline, NextAction, Outcome, OutcomeStatus
from guildbank_steampay.amounts import NotExpressible, from_steam, to_steam
from guildbank_steampay.client import Client, Refused, SteamFailed
from guildbank_steampay.errors import declined, row_of

OVERLAY = "steam_overlay"
CHARGED_BACK = "Chargedback"
IN_PART = "PartialRefund"
MOST_ITEMS = 5
"""An order of ours has one item; Steam may show it as several when it gave back a part."""
_OPEN = frozenset({"Init", "Approved"})
_NOT_THERE = frozenset({2, 3})
"""What Steam says of an order that it does not have is not documented: one of these."""


class Item(msgspec.Struct, frozen=True):
    """A line of an order; `amount` is without `vat`, both in hundredths."""

    itemid: int
    amount: int
    vat: int = 0
    itemstatus: str = ""


class Order(msgspec.Struct, frozen=True):
    """An order as Steam shows it, in a look and in a report."""

    orderid: str
    transid: str
    status: str
    currency: str
    items: Sequence[Item] = ()
    time: str = ""
    timecreated: str = ""

    @property
    def asked_minor(self) -> int | None:
        """What the order was made for, in ISO minor units: the number of its item says it."""
        numbers = {one.itemid for one in self.items}
        ours = len(numbers) == 1 and 0 < len(self.items) <= MOST_ITEMS
        return numbers.pop() if ours else None

    @property
    def is_refunded(self) -> bool:
        """Whether all of it was given back, by us, by Valve, or for fraud of any kind."""
        return self.status.startswith("Refunded")

    @property
    def is_paid(self) -> bool:
        """Whether money was taken, whatever became of it later."""
        return self.status in ("Succeeded", IN_PART, CHARGED_BACK) or self.is_refunded

    def is_back(self, item: Item) -> bool:
        """Say whether the money of an item was given back."""
        rest_gone = self.status == CHARGED_BACK and len(self.items) > 1
        in_part = (self.status == IN_PART or rest_gone) and item.itemstatus.startswith("Refunded")
        return self.is_refunded or in_part


_ORDERS = msgspec.json.Decoder(Order, strict=False)


def order_id_of(attempt_id: str) -> str:
    """Return the number of an attempt's order, the same at every try: 63 bits of a hash.

    Of a hundred million orders two have one number with a chance of 1 in 1,800. Steam then refuses
    the second, which is declined, since each number is paid once.
    """
    number = int.from_bytes(sha256(f"guildbank:{attempt_id}".encode()).digest()[:8]) >> 1
    return str(number or 1)


async def query(client: Client, attempt_id: str) -> Order | None:
    """Return the order of an attempt, None where Steam has none. Raises SteamFailed, NoAnswer."""
    order_id = order_id_of(attempt_id)
    said = await client.ask("QueryTxn", {"orderid": order_id})
    if isinstance(said, Refused):
        if said.code in _NOT_THERE:
            return None
        raise SteamFailed(f"Steam did not show an order: {row_of(said.code).word}")
    try:
        order = _ORDERS.decode(said)
    except msgspec.MsgspecError:
        raise SteamFailed("an order of Steam's cannot be read") from None
    if order.orderid != order_id:
        raise SteamFailed("Steam showed another order than it was asked for")
    return order


def paid_minor(order: Order) -> int:
    """Return how much was paid, in ISO minor units, as far as it can be held against the price.

    The player pays `amount` and `vat` together. Valve does not say whether a sales tax comes on
    top of what was asked for, so the price counts as paid where either sum is the price. Raises
    NotExpressible.
    """
    asked = order.asked_minor
    if asked is not None and _expected(order) in (_net(order), _gross(order)):
        return asked
    return from_steam(_gross(order), order.currency)


def part_minor(order: Order, item: Item) -> int:
    """Return the share of an item in what was paid. Raises NotExpressible."""
    if len(order.items) == 1:
        return paid_minor(order)
    on_top = _expected(order) == _net(order)
    return from_steam(item.amount + (0 if on_top else item.vat), order.currency)


def outcome_of(order: Order, *, known: bool) -> Outcome:
    """Return what is certain about an order.

    One that waits for the player says nothing new, unless its number is not `known` yet: the answer
    to its making was lost. Only a confirmation finishes it.
    """
    if order.is_paid:
        return Outcome(
            status=OutcomeStatus.PROCESSED,
            reference=order.orderid,
            amount_minor=paid_minor(order),
            currency=order.currency,
        )
    if order.status == "Failed":
        return declined(
            "failed", Decline.DECLINED, "The purchase failed, or the player said no.",
            reference=order.orderid,
        )  # fmt: skip
    if order.status in _OPEN and not known:
        return waiting(order.orderid, order.transid)
    code = {"Init": "not_approved", "Approved": "not_confirmed"}.get(order.status)
    return Outcome(
        status=OutcomeStatus.UNKNOWN,
        reference=order.orderid,
        code=code or f"status_{order.status[:40]}",
    )


def waiting(order_id: str, transaction_id: str, page: str | None = None) -> Outcome:
    """Return that the player is asked, on Steam's page or in the game by Steam's overlay."""
    details = {"orderId": order_id, "transactionId": transaction_id}
    kind = OVERLAY if page is None else "redirect"
    return Outcome(
        status=OutcomeStatus.PENDING,
        reference=order_id,
        next_action=NextAction(kind=kind, url=page, details=details),
    )


def _expected(order: Order) -> int | None:
    try:
        return to_steam(order.asked_minor or 0, order.currency)
    except NotExpressible:
        return None


def _net(order: Order) -> int:
    return sum(one.amount for one in order.items)


def _gross(order: Order) -> int:
    return _net(order) + sum(one.vat for one in order.items)
