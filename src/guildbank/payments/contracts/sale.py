"""What is asked and answered when something is sold: commands, and the port Fulfilment."""

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.plugin_api import Payer

if TYPE_CHECKING:
    from guildbank.infra.database import Tx
    from guildbank.journal import Look


class LimitUse(msgspec.Struct, frozen=True, array_like=True):
    """A counter that a sale raises by `add`, up to `most`."""

    counter: str
    add: int
    most: int


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a player asks to buy: a product, for open prices how many coins, in which money."""

    player_id: str
    product_id: str
    coins: int | None
    money: str
    country: str | None
    at: datetime


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What is sold and for how much, fixed for the payment. `amount_minor` is of `money`.

    `purpose` names the pipeline that the payment runs through.
    """

    purpose: str
    product_id: str
    version: int
    title: str
    currency: str
    coins: int
    bonus: int
    money: str
    amount_minor: int
    limits: tuple[LimitUse, ...] = ()


class Goods(msgspec.Struct, frozen=True, kw_only=True):
    """What a captured payment credits: paid coins, whose cost is the payment, and bonus coins."""

    currency: str
    coins: int
    bonus: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """How many coins of a currency a player in `country` wants, wherever they are sold."""

    currency: str
    coins: int
    country: str | None
    at: datetime


class Offer(msgspec.Struct, frozen=True):
    """The product that has them, how many coins to ask of it if it is open, and the money."""

    product_id: str
    coins: int | None
    money: str


class Fulfilment(Protocol):
    """What is sold is known above; payments asks it by this port. It never writes by itself."""

    async def quote(self, look: "Look", order: Order) -> Quote | Refusal:
        """Say what the order costs and holds, or why it is not for sale, by rows of the look."""
        ...

    async def offer(self, tx: "Tx", wanted: Wanted) -> Offer | Refusal:
        """Say which product has exactly these coins, or that none has: `amount_not_sold`."""
        ...

    def fulfil(self, intent: Intent) -> Goods | Refusal:
        """Say what the captured payment credits; pure. A refusal gives the money back."""
        ...


class Captured(NamedTuple):
    """Money that a provider says it took."""

    amount_minor: int
    money: str


class Whence(NamedTuple):
    """Where a purchase is asked for from, as far as it is known. No part of a command: the same
    command may come from another network when it is repeated.

    `address` is the buyer's network address in clear, for gates to look at; it is kept nowhere but
    in the request to a provider that has to know who pays (`Payer`).
    `device` is the keyed hash of the token by which the client knows its device.
    """

    address: str | None = None
    device: str | None = None


NOWHERE = Whence()


class Purchase(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to buy: what, for which player, with which provider and method.

    Without a provider the routes of the pipeline choose it; `payer` is who pays there, as far as
    the caller names it. `method_id` is a saved method that pays; with `save_method` the player
    agrees that the one which pays is kept. A default is no part of the command's fingerprint, so
    that keys of before there was the field are good.
    """

    player_id: str
    product_id: str
    coins: int | None
    money: str
    country: str | None
    provider: str | None
    method: str | None
    return_url: str | None
    platform: str | None = None
    payer: Payer | None = None
    method_id: str | None = None
    save_method: bool = False


class RefundCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to give money back; without an amount, all that is left.

    `attempt_id` names whose money, where more than one attempt captured some; left out, it is that
    of the attempt that bought the coins. `request_id` is the player's request that it grants.
    """

    payment_id: str
    amount_minor: int | None
    money: str | None
    reason: str | None
    attempt_id: str | None = None
    request_id: str | None = None
