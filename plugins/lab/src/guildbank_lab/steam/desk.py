"""What Steam does when it is asked: the state of wallets and orders, and how it changes."""

import secrets
from datetime import datetime, timedelta

from guildbank_lab.bench import Bench
from guildbank_lab.steam import wire
from guildbank_lab.steam.records import REFUNDED, Account, Item, Order, Wallet
from guildbank_lab.steam.wire import Failure

MOST_ACCOUNTS, MOST_ORDERS, MOST_WALLETS = 1_000, 50_000, 10_000
SALES_TAX, VAT_INCLUDED = "SALES_TAX", "VAT_INCLUDED"
WRONG_AMOUNT, WRONG_CURRENCY = "WRONG_AMOUNT", "WRONG_CURRENCY"
EFFECTS = frozenset({SALES_TAX, VAT_INCLUDED, WRONG_AMOUNT, WRONG_CURRENCY})
PARTLY, CHARGED_BACK = "PartialRefund", "Chargedback"
INVALID, NOT_APPROVED, COMMITTED, NO_ACCOUNT, DENIED, FAILED = 3, 5, 6, 9, 10, 2
_PERCENT = 9
_LONG_AGO = timedelta(days=30)
_FIRST_TRANSACTION = 1_234_567_890_123_456_000


class LabIsFull(Exception):
    """More than the lab keeps."""


class SteamDesk:
    """The lab's Steam."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.orders: dict[tuple[str, str], Order] = {}
        self._accounts: dict[str, Account] = {}
        self._wallets: dict[str, Wallet] = {}
        self._first = _FIRST_TRANSACTION + (bench.config.seed - 1) * MOST_ORDERS

    @property
    def url(self) -> str:
        """Where the lab is reached."""
        return self.bench.config.url

    def open_account(self, app_id: str, key: str) -> Account:
        """Open a game's account; its orders stay when its key changes."""
        if app_id not in self._accounts and len(self._accounts) >= MOST_ACCOUNTS:
            raise LabIsFull
        known = self._accounts.setdefault(app_id, Account(app_id=app_id, key=key))
        known.key = key
        return known

    def account_of(self, app_id: str, key: str) -> Account | None:
        """Return whose key this is, None for a stranger's."""
        known = self._accounts.get(app_id)
        good = known is not None and secrets.compare_digest(known.key.encode(), key.encode())
        return known if good else None

    def fill(self, steam_id: str, wallet: Wallet) -> None:
        """Give a player a wallet."""
        if steam_id not in self._wallets and len(self._wallets) >= MOST_WALLETS:
            raise LabIsFull
        self._wallets[steam_id] = wallet

    def wallet_of(self, steam_id: str) -> Wallet:
        """Return a player's wallet; everybody has one."""
        return self._wallets.get(steam_id) or Wallet()

    def begin(self, account: Account, given: dict[str, str]) -> Order:
        """Make an order. Refuses one whose number is taken, and what Steam does not take."""
        order_id = given.get("orderid", "")
        number = _number(given, "orderid")
        place = (account.app_id, order_id)
        currency, asked = given.get("currency", ""), _number(given, "amount[0]")
        in_steps = currency in wire.CURRENCIES and asked % wire.STEPS.get(currency, 1) == 0
        described = 0 < len(given.get("description[0]", "")) <= 128
        web = given.get("usersession", "client") == "web"
        whole = number < 2**64 and asked > 0 and _number(given, "itemid[0]") < 2**32
        lacks = any(not given.get(name) for name in ("steamid", "language", "itemcount"))
        away = web and not given.get("ipaddress")
        if place in self.orders or lacks or away or not (in_steps and described and whole):
            raise Failure(INVALID, order_id)
        if len(self.orders) >= MOST_ORDERS:
            raise LabIsFull
        now, wallet = self.bench.clock.now(), self.wallet_of(given["steamid"])
        order = Order(
            account=account, order_id=order_id,
            trans_id=str(self._first + len(self.orders)), steam_id=given["steamid"],
            item_id=_number(given, "itemid[0]"), quantity=_number(given, "qty[0]"),
            description=given["description[0]"], currency=currency, asked=asked,
            country=wallet.country, state=wallet.state, web=web, made=now, changed=now,
            items=[Item(amount=asked)],
        )  # fmt: skip
        self.orders[place] = order
        return order

    def order(self, account: Account, given: dict[str, str]) -> Order:
        """Return an order of this game by its number or by Steam's."""
        found = self.orders.get((account.app_id, given.get("orderid", "")))
        if found is None and (wanted := given.get("transid")):
            mine = (one for one in self.orders.values() if one.account is account)
            found = next((one for one in mine if one.trans_id == wanted), None)
        if found is None:
            raise Failure(INVALID, given.get("orderid"))
        return found

    def decide(self, order: Order, *, approves: bool) -> None:
        """Do what the player does in the overlay; an order that is over stays as it is."""
        if order.status == "Init":
            self._move(order, "Approved" if approves else "Failed")

    def finalize(self, order: Order, effect: str | None) -> None:
        """Take the money of an approved order, as the effect says."""
        codes = {"Init": NOT_APPROVED, "Failed": DENIED}
        if order.status != "Approved":
            raise Failure(codes.get(order.status, COMMITTED), order.order_id)
        if effect == SALES_TAX:
            order.items = [Item(amount=order.asked, vat=order.asked * _PERCENT // 100)]
        if effect == VAT_INCLUDED:
            net = order.asked * 100 // (100 + _PERCENT)
            order.items = [Item(amount=net, vat=order.asked - net)]
        if effect == WRONG_AMOUNT:
            order.items = [Item(amount=order.asked - 100)]
        if effect == WRONG_CURRENCY:
            order.currency = "GBP" if order.currency == "USD" else "USD"
        self._move(order, "Succeeded")

    def refund(self, order: Order) -> None:
        """Give the whole back, once."""
        if order.status != "Succeeded":
            raise Failure(FAILED, order.order_id)
        self._move(order, REFUNDED)

    def reverse(self, order: Order, status: str, part: int | None) -> None:
        """Give back as Valve or a bank would: a part of it shows as an item of its own.

        `Succeeded` takes a chargeback back; the order is then of a month ago, as it would be.
        """
        if status == "Succeeded":
            if order.status != CHARGED_BACK:
                raise Failure(FAILED, order.order_id)
            order.made -= _LONG_AGO
            for item in order.items:
                item.status = None
            self._move(order, status)
            return
        more = status == CHARGED_BACK == order.status and part is None
        if order.status not in ("Succeeded", PARTLY) and not more:
            raise Failure(FAILED, order.order_id)
        if status == PARTLY or (status == CHARGED_BACK and part is not None):
            self._split(order, REFUNDED if status == PARTLY else CHARGED_BACK, part)
        elif status == CHARGED_BACK:
            for item in order.items:
                # What was refunded is with the player already.
                item.status = item.status if item.status == REFUNDED else CHARGED_BACK
        else:
            for item in order.items:
                item.status = None
        self._move(order, status)

    def _split(self, order: Order, status: str, part: int | None) -> None:
        """Let a part of an order go; it shows as an item of its own."""
        (whole,) = order.items
        back = part or whole.amount // 3
        if not 0 < back < whole.amount:
            raise Failure(INVALID, order.order_id)
        rest = Item(amount=whole.amount - back, vat=whole.vat, status="Succeeded")
        order.items = [Item(amount=back, status=status), rest]

    def report(self, account: Account, kind: str, since: datetime, most: int) -> list[Order]:
        """Return what changed since then, the earliest first."""
        found = [
            one
            for one in self.orders.values()
            if one.account.app_id == account.app_id
            and one.status not in ("Init", "Approved")
            and one.changed.replace(microsecond=0) >= since
            and (kind != "CHARGEBACK" or one.status == CHARGED_BACK)
        ]
        return sorted(found, key=lambda one: one.changed)[:most]

    def _move(self, order: Order, status: str) -> None:
        order.status = status
        order.changed = self.bench.clock.now()


def _number(given: dict[str, str], name: str) -> int:
    text = given.get(name, "")
    if not (text.isascii() and text.isdecimal()):
        raise Failure(INVALID, given.get("orderid"))
    return int(text)
