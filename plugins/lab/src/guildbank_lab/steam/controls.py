"""What who plays with the lab does in place of publishers, players, banks and Valve's staff."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, post

from guildbank_lab.paypal.errors import Refused
from guildbank_lab.steam import wire
from guildbank_lab.steam.desk import SteamDesk
from guildbank_lab.steam.records import Order, Wallet

Status = Literal[
    "Refunded", "PartialRefund", "Chargedback", "RefundedSuspectedFraud", "RefundedFriendlyFraud",
    "Succeeded",
]  # fmt: skip


class NewAccount(msgspec.Struct):
    """A game to open an account for."""

    app_id: Annotated[str, msgspec.Meta(pattern="^[1-9][0-9]{0,9}$")]
    publisher_key: Annotated[str, msgspec.Meta(pattern="^[0-9A-Fa-f]{32}$")]


class NewWallet(msgspec.Struct):
    """A player's wallet."""

    steam_id: Annotated[str, msgspec.Meta(pattern="^[0-9]{17}$")]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "EUR"
    country: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}$")] = "DE"
    status: Literal["Active", "Trusted", "Locked from purchasing"] = "Active"


class WhichOrder(msgspec.Struct):
    """An order by its number, Steam's or the game's."""

    order: str


class Reversal(msgspec.Struct):
    """What became of an order's money; `part` is in hundredths, of a refund or chargeback in part.

    `Succeeded` takes chargebacks back; `Chargedback` after one in part takes the rest.
    """

    order: str
    status: Status
    part: int | None = None


@post("/lab/steam/accounts", sync_to_thread=False)
def open_account(steam: SteamDesk, data: NewAccount) -> dict[str, str]:
    """Open an account; the answer is what a test tenant's settings are to be."""
    account = steam.open_account(data.app_id, data.publisher_key)
    return {"app_id": account.app_id, "publisher_key": account.key, "lab_url": steam.url}


@post("/lab/steam/wallets", status_code=204, sync_to_thread=False)
def fill(steam: SteamDesk, data: NewWallet) -> None:
    """Give a player a wallet; one who has none pays in EUR."""
    wallet = Wallet(currency=data.currency, country=data.country, status=data.status)
    steam.fill(data.steam_id, wallet)


@post("/lab/steam/approve", status_code=200, sync_to_thread=False)
def approve(steam: SteamDesk, data: WhichOrder) -> Response[Any]:
    """Approve an order in the player's place; the answer is what the game's client is told."""
    return _decide(steam, data.order, approves=True)


@post("/lab/steam/deny", status_code=200, sync_to_thread=False)
def deny(steam: SteamDesk, data: WhichOrder) -> Response[Any]:
    """Say no in the player's place."""
    return _decide(steam, data.order, approves=False)


@post("/lab/steam/reverse", status_code=200, sync_to_thread=False)
def reverse(steam: SteamDesk, data: Reversal) -> Response[Any]:
    """Give back an order's money as Valve or a bank would."""
    order = find(steam, data.order)
    try:
        steam.reverse(order, data.status, data.part)
    except wire.Failure:
        raise Refused(422, "ORDER_NOT_REVERSIBLE") from None
    return Response(wire.order(order))


def find(steam: SteamDesk, name: str) -> Order:
    """Return an order by its number, Steam's or the game's; of two games the newest."""
    for order in reversed(steam.orders.values()):
        if name in (order.order_id, order.trans_id):
            return order
    raise Refused(404, "NO_SUCH_ORDER")


def callback(order: Order) -> dict[str, str]:
    """Return what MicroTxnAuthorizationResponse_t tells the game's client."""
    approved = order.status not in ("Init", "Failed")
    return {"order_id": order.order_id, "authorized": "1" if approved else "0"}


def _decide(steam: SteamDesk, name: str, *, approves: bool) -> Response[Any]:
    order = find(steam, name)
    steam.decide(order, approves=approves)
    return Response(callback(order))


ROUTES = (open_account, fill, approve, deny, reverse)
