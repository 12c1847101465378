"""What the model knows of payments: which coins they bought, and which money is where.

It reads the entries of payments one after another, says what each must contain, and moves the
model's coins and money. Money and coins of a refund are taken when it begins.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.laws.coins import Clawed, Credit
from tests.laws.disputing import Disputing
from tests.laws.levied import charged
from tests.laws.sales import MONEY, Sale, Taken, Told, compare

from guildbank.tenancy import SpentCoins

if TYPE_CHECKING:
    from tests.laws.world import World


@dataclass
class Order:
    """A payment from its beginning: `state` is open, credited, captured, or how it ended.

    `live` says that only the provider knows how the attempt ended. `room` says that its coins count
    as if they were there: they will be, if they are paid for.
    """

    player: str
    currency: str
    coins: dict[str, int]
    room: bool = True
    state: str = "open"
    attempt: str = ""
    live: bool = False


@dataclass
class Till(Disputing):
    """All payments of a tenant, and where the money stands."""

    policy: str
    orders: dict[str, Order] = field(default_factory=dict)
    sales: dict[str, Sale] = field(default_factory=dict)
    unapplied: int = 0
    refunding: int = 0
    provider: int = 0
    taxes: int = 0
    fees: int = 0
    kept: int = 0
    was_moved: bool = False
    lines: dict[str, int] = field(default_factory=dict)
    """What the provider's reports say it kept for itself, by transaction."""

    def refund_refusal(
        self, world: "World", payment: str, amount: int | None, until: int | None = None
    ) -> str | None:
        """Why a refund is refused, None when it is not; swords count that were bought `until`."""
        sale = self.sales.get(payment)
        if sale is None:
            return "not_found"
        if sale.open_disputes:
            return "dispute_open"
        left = max(0, sale.price - sale.back - sale.aside)
        if left == 0:
            return "payment_not_refundable"
        if amount is not None and amount > left:
            return "exceeds_refundable"
        if self.policy != "refuse" or not sale.lots:
            return None
        back = sale.back + (left if amount is None else amount)
        trial = deepcopy(world) if world.armoury.swords else world
        lots = trial.till.sales[payment].lots
        trial.armoury.take(trial, lots, sale.dues(back), until=until)
        short = any(
            coins > trial.model.clawable(lots[bucket]) for bucket, coins in sale.dues(back).items()
        )
        return "refund_exceeds_unspent" if short else None

    def room(self, player: str, currency: str, bucket: str) -> int:
        """How many coins of a bucket are being paid for."""
        return sum(
            order.coins.get(bucket, 0)
            for order in self.orders.values()
            if order.room and (order.player, order.currency) == (player, currency)
        )

    def read(self, world: "World", kind: str, told: Told) -> bool:
        """Take an entry: check what it says, and move coins and money in the model.

        Returns whether it moved any.
        """
        name = kind.removeprefix("payments.")
        if name in _STEPS:
            self._step(world, name, told)
        elif name not in _SILENT:
            getattr(self, f"_{name}")(world, told)
        moved = name not in {*_SILENT, *_STEPS}
        return moved and (not name.startswith("dispute_") or self.was_moved)

    def waits_for(self, player: str) -> set[str]:
        """What of the player's payments an erasure waits for."""
        found = {
            "payment_in_flight"
            for order in self.orders.values()
            if order.player == player and (order.state == "open" or order.live)
        }
        for sale in self.sales.values():
            if sale.player != player:
                continue
            takings = [*sale.refunds.values(), *sale.disputes.values()]
            gone = sum(one.amount for one in takings if one.state == "gone")
            if not sale.lots and sale.price > gone:
                found.add("payment_in_flight")
            if any(one.state == "clawed" for one in sale.refunds.values()):
                found.add("refund_in_flight")
            if sale.open_disputes:
                found.add("open_dispute")
        return found

    # What the provider keeps

    def fee_refusal(self, transaction: str, minor: int) -> str | None:
        """A line that was read before says the same, or is another one."""
        return "key_reused" if self.lines.get(transaction, minor) != minor else None

    def _fee_booked(self, world: "World", told: Told) -> None:
        transaction, minor = told["transaction"], told["amount"]
        assert transaction not in self.lines, f"{told} a second time"
        self.lines[transaction] = minor
        self.kept += minor

    # Orders

    def _step(self, world: "World", name: str, told: Told) -> None:
        """A payment goes on, without money: begun only by who is barred from nothing."""
        if name == "created":
            counts = _counts(told)
            assert not world.ceiling_bars(told["player"], told["currency"], counts), told
            self.orders[told["payment"]] = Order(told["player"], told["currency"], counts)
            assert told["amount"] == charged(told["product"]).total, told
        order = self.orders[told["payment"]]
        if name in ("created", "attempted"):
            assert world.register.barred(order.player) is None, f"{told} of who is barred"
        order.attempt = told.get("attempt") or order.attempt
        order.live = name in ("attempted", "pending")
        order.room = order.room and name in ("created", "attempted", "pending")
        if name not in ("created", "attempted", "pending") and "attempt" not in told:
            order.state = name

    # Captures

    def _capture(self, world: "World", told: Told) -> str | None:
        """Why captured money buys nothing: the order ended before, or the player is gone."""
        order = self.orders[told["payment"]]
        if order.state != "open":
            return f"payment_{order.state}"
        order.live = order.room = False
        closed = world.register.barred(order.player) == "player_closed"
        order.state = "captured" if closed else "credited"
        return "player_closed" if closed else None

    def _credited(self, world: "World", told: Told) -> None:
        had_room = self.orders[told["payment"]].room
        assert self._capture(world, told) is None, told
        sale = Sale(told["player"], told["currency"], told["amount"], told["attempt"])
        barred = world.ceiling_bars(sale.player, sale.currency, _counts(told))
        assert had_room or not barred, told
        parts = charged(told["product"])
        sale.taxes, sale.fees = parts.taxes, parts.fees
        assert (told.get("taxes", 0), told.get("fees", 0)) == (sale.taxes, sale.fees), told
        model = world.model
        paid = model.buy(
            sale.player, sale.currency, told["coins"], payment_id=told["payment"],
            price_minor=sale.price - sale.taxes - sale.fees, money=told["money"],
        )  # fmt: skip
        assert isinstance(paid, Credit)
        sale.lots["paid"] = paid
        if told["bonus"]:
            bonus = model.grant(
                sale.player, sale.currency, told["bonus"], bucket="bonus",
                payment_id=told["payment"],
            )  # fmt: skip
            assert isinstance(bonus, Credit)
            sale.lots["bonus"] = bonus
        self.sales[told["payment"]] = sale
        self.provider += sale.price
        self.taxes += sale.taxes
        self.fees += sale.fees

    def _unapplied(self, world: "World", told: Told) -> None:
        currency, coins, bonus, _ = told["product"].split(":")
        had_room = self.orders[told["payment"]].room
        reason = self._capture(world, told)
        assert told["reason"] == (reason or "ceiling_exceeded"), (told, reason)
        if reason is None:
            self.orders[told["payment"]].state = "captured"
            counts = {"paid": int(coins), "bonus": int(bonus)}
            assert not had_room, told
            assert world.ceiling_bars(told["player"], currency, counts), told
        sale = Sale(told["player"], currency, told["amount"], told["attempt"])
        self.sales[told["payment"]] = sale
        self.provider += sale.price
        self.unapplied += sale.price

    # Refunds

    def _refund_clawed(self, world: "World", told: Told) -> None:
        sale, amount = self.sales[told["payment"]], told["amount"]
        refused = self.refund_refusal(world, told["payment"], amount)
        assert refused is None, f"{told} in place of {refused}"
        taken = sale.refunds[told["refund"]] = self._take(world, sale, amount, told)
        compare(taken, told)
        self.refunding += amount

    def _refunded(self, world: "World", told: Told) -> None:
        sale, amount = self.sales[told["payment"]], told["amount"]
        if told.get("origin") == "provider":
            taken = sale.refunds[told["refund"]] = self._take(world, sale, amount, told)
            compare(taken, told)
        else:
            self.refunding -= amount
        taken = sale.refunds[told["refund"]]
        assert taken.amount == amount
        taken.state = "gone"
        self.provider -= amount

    def _refund_restored(self, world: "World", told: Told) -> None:
        sale, amount = self.sales[told["payment"]], told["amount"]
        taken = sale.refunds[told["refund"]]
        if taken.state == "gone":
            self.provider += amount
        else:
            self.refunding -= amount
        taken.state = "restored"
        given = self._untake(world, sale, taken)
        assert (told["coins"], told["bonus"]) == given, (told, given)

    # Coins

    def _take(self, world: "World", sale: Sale, amount: int, told: Told) -> Taken:
        """Take what is due for the money, and swords where too little of it is unspent.

        What is spent all the same is owed, or written off.
        """
        before, after = sale.beside(sale.settled), sale.beside(sale.settled + amount)
        taken = Taken(amount, after[0] - before[0], after[1] - before[1])
        sale.back += amount
        self.taxes -= taken.taxes
        self.fees -= taken.fees
        policy: SpentCoins = "write_off" if self.policy == "write_off" else "debt"
        if not sale.lots:
            self.unapplied -= amount
        named = tuple(one["sword"] for one in told.get("items", ()))
        swords = world.armoury.take(world, sale.lots, sale.dues(sale.back), named)
        assert swords == named, (told, swords)
        for bucket, lot in sale.lots.items():
            coins = sale.dues(sale.back)[bucket]
            sale.claimed[bucket] += coins
            taken.coins[bucket] = coins
            minor = amount - taken.taxes - taken.fees if bucket == "paid" else 0
            if coins:
                clawed = world.model.refund(lot, coins, policy=policy, refunded_minor=minor)
                assert isinstance(clawed, Clawed), clawed
                taken.clawed[bucket] = clawed
            else:
                lot.refunded_minor += minor
        return taken

    def _untake(self, world: "World", sale: Sale, taken: Taken) -> tuple[int, int]:
        """Give back what the other refunds and disputes do not claim; returns (paid, bonus)."""
        sale.back -= taken.amount
        if not sale.lots:
            self.unapplied += taken.amount
            return 0, 0
        less, more = sale.beside(sale.settled), sale.beside(sale.settled + taken.amount)
        taxes, fees = more[0] - less[0], more[1] - less[1]
        self.taxes += taxes
        self.fees += fees
        given = {"paid": 0, "bonus": 0}
        back: list[tuple[Credit, Clawed]] = []
        for bucket, lot in sale.lots.items():
            count = sale.free_again(bucket, taken.coins[bucket])
            given[bucket] = count
            sale.claimed[bucket] -= count
            if bucket == "paid":
                lot.refunded_minor -= taken.amount - taxes - fees
            if count:
                whole = taken.clawed[bucket]
                coins = whole.coins[:count]
                rest = count - len(coins)
                let_go = min(rest, whole.written_off)
                back.append((lot, Clawed(coins, rest - let_go, 0, let_go)))
        world.model.restore(back)
        return given["paid"], given["bonus"]


__all__ = ["MONEY", "Order", "Sale", "Taken", "Till"]

_STEPS = frozenset({"created", "attempted", "pending", "declined", "canceled", "failed"})
"""Entries of a payment that has no money yet."""
_SILENT = frozenset({"money_opened", "refund_pending"})
"""Further entries that move neither coins nor money."""


def _counts(told: Told) -> dict[str, int]:
    return {"paid": told["coins"], "bonus": told["bonus"]}
