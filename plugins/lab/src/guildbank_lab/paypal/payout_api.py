"""PayPal's Payouts API as far as Guildbank calls it, and what others do there.

https://developer.paypal.com/docs/api/payments.payouts-batch/v1/
"""

import re
from typing import Any, Literal

import msgspec
from litestar import get, post

from guildbank_lab.paypal.desk import Desk
from guildbank_lab.paypal.errors import Refused
from guildbank_lab.paypal.perform import (
    Amount,
    Answer,
    WebRequest,
    asking,
    decode,
    perform,
    value_of,
)
from guildbank_lab.paypal.records import Payout

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,}")


class Paid(msgspec.Struct):
    """An amount of a payout, whose currency has another name than elsewhere."""

    currency: str
    value: str


class Item(msgspec.Struct):
    """Whom to pay."""

    receiver: str
    amount: Paid
    sender_item_id: str = ""
    recipient_type: str = ""


class Header(msgspec.Struct):
    """What a batch is called."""

    sender_batch_id: str
    recipient_type: str = ""


class Batch(msgspec.Struct):
    """The body that makes a payout."""

    sender_batch_header: Header
    items: list[Item]


class Named(msgspec.Struct):
    """A payout, by what the merchant calls it."""

    payout: str


class Became(msgspec.Struct):
    """What becomes of a payout, by its batch's id or by what the merchant calls it."""

    payout: str
    status: Literal[
        "SUCCESS", "FAILED", "PENDING", "UNCLAIMED", "ONHOLD", "BLOCKED", "RETURNED", "REFUNDED",
        "REVERSED",
    ]  # fmt: skip


@post("/v1/payments/payouts")
async def pay_out(request: WebRequest, desk: Desk) -> Answer:
    """Pay a receiver; a request id keeps nobody from paying twice, the batch's id does."""
    account, wanted = asking(request, desk), decode(await request.body(), Batch)
    if len(wanted.items) != 1:
        raise Refused(400, "NOT_IN_THE_LAB", "The lab knows batches of one item.")
    item, batch = wanted.items[0], wanted.sender_batch_header.sender_batch_id
    kind = item.recipient_type or wanted.sender_batch_header.recipient_type
    if kind != "EMAIL" or not _EMAIL.fullmatch(item.receiver):
        raise Refused(400, "Receiver is invalid or does not match with type")
    amount = item.amount.currency, value_of(Amount(item.amount.currency, item.amount.value))

    def paid(effect: str | None) -> object:
        names = batch, item.sender_item_id
        made = desk.payouts.create(account, names, item.receiver, amount, effect)
        return desk.payouts.header(made)

    subjects = (batch, item.sender_item_id, item.receiver)
    return await perform(desk, "payout", subjects, paid, 201)


@get("/v1/payments/payouts/{batch_id:str}")
async def show_payout(request: WebRequest, desk: Desk, batch_id: str) -> Answer:
    """Show a batch with its item."""
    found = desk.payouts.of_account(asking(request, desk), batch_id)

    def shown(effect: str | None) -> object:
        if effect is not None:
            raise Refused(404, effect)
        return desk.payouts.batch(found)

    return await perform(desk, "get", found.subjects, shown, 200)


@post("/lab/paypal/payouts", status_code=200)
async def settle_payout(desk: Desk, data: Became) -> dict[str, Any]:
    """Let a payout be claimed, fail or come back, in the place of whoever does."""
    found = _payout(desk, data.payout)
    desk.payouts.settle(found, data.status)
    return desk.payouts.batch(found)


@post("/lab/paypal/payouts/find", status_code=200)
async def find_payout(desk: Desk, data: Named) -> dict[str, Any]:
    """Tell the batch of a payout, as PayPal's pages show it to the merchant."""
    return {"payout_batch_id": _payout(desk, data.payout).id}


def _payout(desk: Desk, name: str) -> Payout:
    for one in desk.payouts.made.values():
        if name in (one.id, one.sender_batch_id):
            return one
    raise Refused(404, "INVALID_RESOURCE_ID")


ROUTES = (pay_out, show_payout, settle_payout, find_payout)
