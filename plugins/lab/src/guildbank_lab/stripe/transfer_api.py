"""Stripe's API of transfers and of the balance, and what Stripe's staff does to transfers."""

from typing import Annotated, Any

import msgspec
from litestar import get, post

from guildbank_lab.effects import KNOWN
from guildbank_lab.stripe import wire
from guildbank_lab.stripe.balance import lines_of
from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.errors import missing
from guildbank_lab.stripe.forms import needed, number, read_form, text, texts
from guildbank_lab.stripe.perform import Answer, WebRequest, asking, perform, since_of
from guildbank_lab.stripe.records import Reversal, Transfer
from guildbank_lab.stripe.transfers import shown_transfer

_PAGE = 100


class Back(msgspec.Struct):
    """A transfer to reverse, by Stripe's id or the merchant's; all that is left of it by itself."""

    transfer: str
    amount: Annotated[int, msgspec.Meta(gt=0, lt=10**12)] | None = None


@get("/v1/accounts/{account_id:str}")
async def show_connected(request: WebRequest, stripe: StripeDesk, account_id: str) -> Answer:
    """Show a connected account."""
    account = asking(request, stripe)
    return await perform(
        request, stripe, account, "get", (account_id,),
        lambda _: stripe.transfers.connected(account_id),
    )  # fmt: skip


@post("/v1/transfers", status_code=200)
async def transfer(request: WebRequest, stripe: StripeDesk) -> Answer:
    """Move money to a connected account."""
    account, form = asking(request, stripe), read_form(await request.body())
    destination = needed(text(form, "destination"), "destination")

    def made(effect: str | None) -> object:
        wanted = Transfer(
            id=stripe.id("tr"), account=account, amount=needed(number(form, "amount"), "amount"),
            currency=needed(text(form, "currency"), "currency"), destination=destination,
            group=text(form, "transfer_group"), metadata=texts(form, "metadata"),
            at=stripe.now(), line=stripe.id("txn"),
        )  # fmt: skip
        return shown_transfer(stripe.transfers.create(wanted, effect))

    subjects = (destination, *texts(form, "metadata").values())
    return await perform(
        request, stripe, account, "payout", subjects, made, KNOWN["stripe"]["payout"]
    )


@get("/v1/transfers")
async def list_transfers(request: WebRequest, stripe: StripeDesk) -> Answer:
    """List transfers, of one group or of all."""
    account, group = asking(request, stripe), request.query_params.get("transfer_group")
    found = [shown_transfer(one) for one in stripe.transfers.listed(account, group)[:_PAGE]]
    page = wire.a_list("/v1/transfers", found)
    return await perform(request, stripe, account, "get", (group or "",), lambda _: page)


@get("/v1/transfers/{transfer_id:str}")
async def show_transfer(request: WebRequest, stripe: StripeDesk, transfer_id: str) -> Answer:
    """Show a transfer."""
    account = asking(request, stripe)
    found = stripe.transfers.transfer(account, transfer_id)
    return await perform(
        request, stripe, account, "get", found.subjects, lambda _: shown_transfer(found)
    )


@get("/v1/balance_transactions")
async def list_lines(request: WebRequest, stripe: StripeDesk) -> Answer:
    """List what moved the balance, the newest first."""
    account, asked = asking(request, stripe), request.query_params
    since, until = since_of(request), asked.get("created[lt]", "")
    end = int(until) if until.isdecimal() else stripe.now() + 1
    found = [one for one in lines_of(stripe, account) if since <= one["created"] < end]
    ids = [one["id"] for one in found]
    after = asked.get("starting_after")
    place = ids.index(after) + 1 if after in ids else 0
    page = wire.a_list("/v1/balance_transactions", found[place : place + _PAGE])
    page["has_more"] = len(found) > place + _PAGE
    return await perform(request, stripe, account, "report", (), lambda _: page)


@post("/lab/stripe/reverse", status_code=200)
async def reverse(stripe: StripeDesk, data: Back) -> dict[str, Any]:
    """Reverse a transfer at the dashboard."""
    for one in stripe.transfers.made.values():
        if data.transfer in one.subjects:
            rest = one.amount - one.reversed
            back = Reversal(
                id=stripe.id("trr"), amount=data.amount or rest, at=stripe.now(),
                line=stripe.id("txn"),
            )  # fmt: skip
            stripe.transfers.reverse(one, back)
            return shown_transfer(one)
    raise missing("transfer", data.transfer)


ROUTES = (
    show_connected, transfer, list_transfers, show_transfer, list_lines, reverse,
)  # fmt: skip
