"""Companies in whose own stores players buy: the App Store, Google Play, Steam's wallet."""

import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import httpx
from tests.faults.matrix.company import PATIENCE_SECONDS, PRICE, Books, Company
from tests.payments.apple_till import PRODUCT
from tests.payments.shop import Shop

from guildbank.kernel import uuid_of
from guildbank.payments.contracts.rows import Attempt
from guildbank.plugin_api import Payer
from guildbank_appstore.plugin import AppStoreProvider
from guildbank_googleplay.plugin import GooglePlayProvider
from guildbank_googleplay.purchases import account_of
from guildbank_lab.apple.desk import AppleDesk
from guildbank_lab.apple.records import Sale as AppleSale
from guildbank_lab.apple.records import Wish as AppleWish
from guildbank_lab.google import wire as google_wire
from guildbank_lab.google.desk import GoogleDesk
from guildbank_lab.google.records import Sale as GoogleSale
from guildbank_lab.google.records import Wish as GoogleWish
from guildbank_lab.steam.desk import SteamDesk
from guildbank_lab.steam.records import Order
from guildbank_lab.switches import Place
from guildbank_steampay.orders import order_id_of
from guildbank_steampay.plugin import SteamWalletProvider

_WHOLE = 100_000


class Apple(Company):
    """The App Store: the device buys, and whoever hears first asks Apple about it."""

    provider = "app_store"
    confirmed_by = "buyer"
    last_rounds = 3
    switched: ClassVar[Mapping[str, Place]] = {"looked": "get"}

    @property
    def desk(self) -> AppleDesk:
        """The lab's Apple."""
        found: AppleDesk = self.hall.lab.state.apple
        return found

    def plugin(self) -> object:
        return AppStoreProvider(timeout_seconds=PATIENCE_SECONDS)

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        self.bundle = f"example.game{secrets.randbelow(10**9)}"
        products = [{"pack": shop.pack, "product": PRODUCT}]
        wanted = {"bundle_id": self.bundle, "webhook_url": self.hook(), "products": products}
        return await _opened(f"{self.hall.url}/lab/apple/accounts", wanted)

    async def pay(self, attempt: Attempt, fate: str) -> None:
        app = self.desk.app(self.bundle)
        assert app is not None
        wish = AppleWish(
            product=PRODUCT, token=uuid_of(attempt.id), price=PRICE * 10, currency="EUR",
            quantity=1, kind="Consumable",
        )  # fmt: skip
        self.desk.buy(app, wish, once=True)

    def word(self, attempt: Attempt) -> dict[str, str]:
        (sale,) = self._sales([attempt])
        return {"transaction": sale.transaction_id}

    async def give_back(self, attempt: Attempt, minor: int | None) -> None:
        (sale,) = self._sales([attempt])
        self.desk.refund(sale, None if minor is None else minor * _WHOLE // PRICE)

    def books(self, attempts: list[Attempt]) -> Books:
        books = Books()
        for sale in self._sales(attempts):
            price = sale.price // 10
            share = _WHOLE if sale.percentage is None else sale.percentage
            # Apple says how much went back in parts of the price; an odd part is rounded.
            back = 0 if sale.revoked is None else (price * share + _WHOLE // 2) // _WHOLE
            books = books.plus(Books(price, back))
        return books

    def _sales(self, attempts: list[Attempt]) -> list[AppleSale]:
        tokens = {uuid_of(one.id) for one in attempts}
        return [sale for sale in self.desk.sales.values() if sale.token in tokens]


class Google(Company):
    """Google Play: as Apple, but that Google waits to hear that the purchase was delivered."""

    provider = "google_play"
    confirmed_by = "buyer"
    last_rounds = 3
    places: ClassVar[Mapping[str, str]] = {":consume": "finish", ":refund": "refund"}
    switched: ClassVar[Mapping[str, Place]] = {
        "looked": "get",
        "finish": "capture",
        "refund": "refund",
    }

    @property
    def desk(self) -> GoogleDesk:
        """The lab's Google."""
        found: GoogleDesk = self.hall.lab.state.google
        return found

    def plugin(self) -> object:
        return GooglePlayProvider(timeout_seconds=PATIENCE_SECONDS)

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        self.package = f"example.game{secrets.randbelow(10**9)}"
        products = [{"pack": shop.pack, "product": PRODUCT}]
        wanted = {"package_name": self.package, "webhook_url": self.hook(), "products": products}
        return await _opened(f"{self.hall.url}/lab/google/accounts", wanted)

    async def pay(self, attempt: Attempt, fate: str) -> None:
        app = self.desk.app(self.package)
        assert app is not None
        player = await self._player(attempt)
        wish = GoogleWish(
            product=PRODUCT, account=account_of(player), profile=attempt.id,
            price=Decimal(PRICE) / 100, currency="EUR", region="DE", quantity=1, test=True,
            pending=fate == "declined",
        )  # fmt: skip
        sale = self.desk.buy(app, wish, once=True)
        if fate == "declined":
            self.desk.settle(sale, paid=False)

    def word(self, attempt: Attempt) -> dict[str, str]:
        (sale,) = self._sales([attempt])
        return {"transaction": sale.token}

    async def give_back(self, attempt: Attempt, minor: int | None) -> None:
        (sale,) = self._sales([attempt])
        self.desk.void(sale, 1, 0)

    async def dispute(self, attempt: Attempt) -> None:
        (sale,) = self._sales([attempt])
        self.desk.void(sale, 7, 2)

    def books(self, attempts: list[Attempt]) -> Books:
        books = Books()
        for sale in self._sales(attempts):
            if sale.voided is not None or sale.state == google_wire.PURCHASED:
                price = int(sale.wish.price * 100)
                books = books.plus(Books(price, price if sale.voided is not None else 0))
        return books

    def delivered(self, attempt: Attempt) -> bool:
        """Say whether Google knows that the purchase was delivered, or has given it back."""
        return all(one.consumed or one.voided is not None for one in self._sales([attempt]))

    def _sales(self, attempts: list[Attempt]) -> list[GoogleSale]:
        ids = {one.id for one in attempts}
        return [sale for sale in self.desk.sales.values() if sale.wish.profile in ids]

    async def _player(self, attempt: Attempt) -> str:
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            return str(
                await tx.driver.fetchval(
                    "SELECT player_id FROM payments_intent WHERE id = $1", attempt.payment_id
                )
            )


class Steam(Company):
    """Steam's wallet: an order that the player approves, and a call of ours that finishes it."""

    provider = "steam_wallet"
    confirmed_by = "buyer"
    last_rounds = 3
    places: ClassVar[Mapping[str, str]] = {
        "InitTxn/v3/": "create", "FinalizeTxn/v2/": "capture", "RefundTxn/v2/": "refund",
    }  # fmt: skip
    switched: ClassVar[Mapping[str, Place]] = {
        "create": "create",
        "capture": "capture",
        "refund": "refund",
        "looked": "get",
    }

    @property
    def desk(self) -> SteamDesk:
        """The lab's Steam."""
        found: SteamDesk = self.hall.lab.state.steam
        return found

    def plugin(self) -> object:
        return SteamWalletProvider(timeout_seconds=PATIENCE_SECONDS)

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        self.app_id, key = str(secrets.randbelow(10**9) + 1), secrets.token_hex(16)
        self.desk.open_account(self.app_id, key)
        return {"app_id": self.app_id, "publisher_key": key, "lab_url": self.hall.url}

    def purchase(self, fate: str) -> dict[str, Any]:
        return {"payer": Payer(subject=str(76561197000000000 + secrets.randbelow(10**9)))}

    async def pay(self, attempt: Attempt, fate: str) -> None:
        self.desk.decide(self._order(attempt), approves=fate != "declined")

    def word(self, attempt: Attempt) -> dict[str, str]:
        return {"order_id": order_id_of(attempt.id), "authorized": "1"}

    async def give_back(self, attempt: Attempt, minor: int | None) -> None:
        status = "Refunded" if minor is None else "PartialRefund"
        self.desk.reverse(self._order(attempt), status, minor)

    async def dispute(self, attempt: Attempt) -> None:
        self.desk.reverse(self._order(attempt), "Chargedback", None)

    def books(self, attempts: list[Attempt]) -> Books:
        books = Books()
        for attempt in attempts:
            order = self.desk.orders.get((self.app_id, order_id_of(attempt.id)))
            if order is None or order.status in ("Init", "Approved", "Failed"):
                continue
            whole = sum(item.amount for item in order.items)
            part = sum(item.amount for item in order.items if item.status == "Refunded")
            back = whole if order.status == "Refunded" else part
            books = books.plus(Books(whole, back, whole if order.status == "Chargedback" else 0))
        return books

    def _order(self, attempt: Attempt) -> Order:
        return self.desk.orders[self.app_id, order_id_of(attempt.id)]


async def _opened(url: str, wanted: dict[str, Any]) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, json=wanted)
    assert answer.is_success, answer.text
    return dict(answer.json())
