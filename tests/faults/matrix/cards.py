"""Companies that take money from cards and accounts: the sandbox, Stripe twice, PayPal."""

import secrets
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import httpx
from tests.faults.matrix.company import PATIENCE_SECONDS, Books, Check, Company
from tests.payments.shop import Shop

from guildbank.payments.contracts.rows import Attempt
from guildbank_lab.paypal.desk import Desk as PayPalDesk
from guildbank_lab.paypal.records import Order
from guildbank_lab.stripe.desk import StripeDesk
from guildbank_lab.stripe.records import Intent as StripeIntent
from guildbank_lab.switches import Place
from guildbank_paypal.plugin import PayPalProvider
from guildbank_sandbox.plugin import SandboxProvider
from guildbank_stripe.plugin import StripeProvider

BACK = "http://localhost/back"


class Sandbox(Company):
    """The sandbox, whose payments are taken at once; what goes wrong is the payment's method."""

    provider = "sandbox"
    places: ClassVar[Mapping[str, str]] = {
        "POST /v1/payments": "create",
        "POST /v1/refunds": "refund",
    }
    methods: ClassVar[dict[str, str]] = {
        "delay": "instant_timeout", "silence": "instant_error", "lost": "instant_lost",
        "declined": "instant_decline",
    }  # fmt: skip

    def __init__(self, hall: Any) -> None:
        super().__init__(hall)
        self.method = "instant"

    def plugin(self) -> object:
        return SandboxProvider()

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        self.key, secret = f"key_{secrets.token_hex(16)}", f"whsec_{secrets.token_hex(16)}"
        account = {"api_key": self.key, "webhook_secret": secret, "name": "Ember Isle"}
        await self._call("/accounts", account)
        return {
            "base_url": self.hall.sandbox_url, "api_key": self.key, "webhook_secret": secret,
        }  # fmt: skip

    def purchase(self, fate: str) -> dict[str, Any]:
        method, self.method = self.method, "instant"
        return {"method": self.methods["declined"] if fate == "declined" else method}

    def turn(self, place: str, effect: str, times: int = 1) -> None:
        self.method = self.methods[effect]

    async def give_back(self, attempt: Attempt, minor: int | None) -> None:
        (row,) = self._rows([attempt])
        amount = {"amount_minor": minor or row["captured_minor"], "currency": "EUR"}
        await self._call("/refunds", {"payment": row["id"], **amount})

    async def dispute(self, attempt: Attempt) -> None:
        (row,) = self._rows([attempt])
        case = await self._call("/disputes", {"payment": row["id"]})
        await self._call(f"/disputes/{case['id']}/close", {"won": False})

    def books(self, attempts: list[Attempt]) -> Books:
        books = Books()
        for row in self._rows(attempts):
            if row["state"] == "captured":
                books = books.plus(
                    Books(row["captured_minor"], row["refunded_minor"], row["disputed_minor"])
                )
        return books

    def _rows(self, attempts: list[Attempt]) -> list[Any]:
        marks = ", ".join("?" * len(attempts))
        sql = f"SELECT * FROM payment WHERE reference IN ({marks})"
        return self.hall.sandbox_rows(sql, *(one.id for one in attempts))

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {
            "authorization": f"Bearer {self.key}", "idempotency-key": secrets.token_hex(8),
        }  # fmt: skip
        async with httpx.AsyncClient(headers=headers, trust_env=False) as client:
            answer = await client.post(f"{self.hall.sandbox_url}/v1{path}", json=body)
        assert answer.is_success, answer.text
        return dict(answer.json())


class CheckedSandbox(Sandbox):
    """The sandbox behind a check, so that the payment and its attempt are two commits."""

    check = Check()


class StripeCard(Company):
    """Stripe, with a card that the game has asked for: the first call takes the money."""

    provider = "stripe"
    places: ClassVar[Mapping[str, str]] = {
        "POST /v1/payment_intents": "create",
        "POST /v1/refunds": "refund",
    }
    switched: ClassVar[Mapping[str, Place]] = {
        "create": "create",
        "refund": "refund",
        "looked": "get",
    }

    @property
    def desk(self) -> StripeDesk:
        """The lab's Stripe."""
        found: StripeDesk = self.hall.lab.state.stripe
        return found

    def plugin(self) -> object:
        return StripeProvider(timeout_seconds=PATIENCE_SECONDS)

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        key, secret = f"sk_test_{secrets.token_hex(12)}", f"whsec_{secrets.token_hex(12)}"
        self.account = self.desk.open_account(key, secret, self.hook())
        return {"secret_key": key, "webhook_secret": secret, "api_base": self.hall.url}

    def purchase(self, fate: str) -> dict[str, Any]:
        method = "pm_card_visa_chargeDeclined" if fate == "declined" else "pm_card_visa"
        return {"method": method, "return_url": BACK}

    async def give_back(self, attempt: Attempt, minor: int | None) -> None:
        (intent,) = self._paid([attempt])
        self.desk.refund(intent, minor, None, {}, None)

    async def dispute(self, attempt: Attempt) -> None:
        (intent,) = self._paid([attempt])
        case = self.desk.dispute(intent, None, "fraudulent", 7, inquiry=False)
        self.desk.decide(case, won=False)

    def books(self, attempts: list[Attempt]) -> Books:
        books = Books()
        for intent in self._paid(attempts):
            disputed = sum(
                case.amount
                for case in self.desk.disputes.values()
                if case.intent is intent and case.withdrawn and case.status != "won"
            )
            books = books.plus(Books(intent.received, intent.refunded, disputed))
        return books

    def _paid(self, attempts: list[Attempt]) -> list[StripeIntent]:
        ids = {one.id for one in attempts}
        return [
            intent
            for intent in self.desk.intents.values()
            if intent.account is self.account and intent.received and ids & set(intent.subjects)
        ]


class StripeCheckout(StripeCard):
    """Stripe's own page: the first call opens it, and the money comes when the player pays."""

    places: ClassVar[Mapping[str, str]] = {
        "POST /v1/checkout/sessions": "create",
        "POST /v1/refunds": "refund",
    }

    def purchase(self, fate: str) -> dict[str, Any]:
        return {"method": "checkout", "return_url": BACK}

    async def pay(self, attempt: Attempt, fate: str) -> None:
        session = self.desk.session(self.account, attempt.reference or "")
        self.desk.complete(session, later=fate == "declined")
        if fate == "declined":
            self.desk.arrive(session, success=False)


class PayPal(Company):
    """PayPal: an order that the player approves, and a call of ours that captures it."""

    provider = "paypal"
    places: ClassVar[Mapping[str, str]] = {
        "/capture": "capture", "/refund": "refund", "POST /v2/checkout/orders": "create",
    }  # fmt: skip
    switched: ClassVar[Mapping[str, Place]] = {
        "create": "create",
        "capture": "capture",
        "refund": "refund",
        "looked": "get",
    }

    @property
    def desk(self) -> PayPalDesk:
        """The lab's PayPal."""
        found: PayPalDesk = self.hall.lab.state.paypal
        return found

    def plugin(self) -> object:
        return PayPalProvider(timeout_seconds=PATIENCE_SECONDS)

    async def open(self, shop: Shop) -> dict[str, Any]:
        self.shop = shop
        app = {"client_id": secrets.token_hex(16), "client_secret": secrets.token_hex(32)}
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.post(
                f"{self.hall.url}/lab/paypal/accounts", json={**app, "webhook_url": self.hook()}
            )
        return dict(answer.json())

    def purchase(self, fate: str) -> dict[str, Any]:
        return {"return_url": BACK}

    async def pay(self, attempt: Attempt, fate: str) -> None:
        if fate == "declined":
            # However often it is tried: a refusal that nobody lived to read is asked for again.
            self.turn("capture", "TRANSACTION_REFUSED", times=0)
        self.desk.approve(self._order(attempt))

    async def give_back(self, attempt: Attempt, minor: int | None) -> None:
        value = None if minor is None else Decimal(minor) / 100
        self.desk.refund(self._order(attempt), value, None, None)

    async def dispute(self, attempt: Attempt) -> None:
        case = self.desk.dispute(self._order(attempt), None, "UNAUTHORISED")
        self.desk.resolve(case, "RESOLVED_BUYER_FAVOUR", None)

    def books(self, attempts: list[Attempt]) -> Books:
        ids, books = {one.id for one in attempts}, Books()
        for order in self.desk.orders.values():
            taken = order.capture
            if not ids & set(order.subjects) or taken is None or taken.status != "COMPLETED":
                continue
            disputed = sum(
                int(case.value * 100)
                for case in self.desk.disputes.values()
                if case.order is order and case.outcome == "RESOLVED_BUYER_FAVOUR"
            )
            books = books.plus(Books(int(taken.value * 100), int(order.refunded * 100), disputed))
        return books

    def _order(self, attempt: Attempt) -> Order:
        return self.desk.orders[attempt.reference or ""]
