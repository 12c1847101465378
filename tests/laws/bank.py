"""A provider, a shop and a tax for the simulation: they do what the request itself tells them."""

import json
from collections.abc import Mapping
from typing import Any

from tests.laws.payer import Payer

from guildbank.infra.database import Tx
from guildbank.journal import Look
from guildbank.kernel import Refusal
from guildbank.payments import AMOUNT_NOT_SOLD, Goods, Intent, Offer, Order, Quote, Wanted
from guildbank.plugin_api import (
    PAYOUTS,
    Charge,
    Charged,
    Context,
    EventKind,
    Manifest,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    PurchaseView,
    RefundRequest,
    Slot,
    WebhookRejected,
    base_of,
    levied,
)

BANK, LEVY = "bank", "levy"
MANIFEST = Manifest(
    id=BANK,
    version="1.0.0",
    slot=Slot.PROVIDER,
    title="The bank of the laws",
    settings_schema={"type": "object", "additionalProperties": False, "properties": {}},
    capabilities=frozenset({PAYOUTS}),
)


class Bank(Payer):
    """Takes the money unless the method says `declined`, or `pending` until it is told to.

    The reason of a refund says how it ends at first; `later` is how a payment or refund stands when
    asked again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.later: dict[str, OutcomeStatus] = {}
        self.asked: dict[str, PaymentRequest] = {}

    @property
    def manifest(self) -> Manifest:
        return MANIFEST

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        self.asked[request.attempt_id] = request
        return self._payment(request, OutcomeStatus(request.method or "processed"))

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        status = self.later.get(attempt_id, OutcomeStatus.UNKNOWN)
        return self._payment(self.asked[attempt_id], status)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        return Outcome(status=OutcomeStatus.CANCELED)

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        return self._outcome(request, OutcomeStatus(request.reason or "processed"))

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        return self._outcome(request, self.later[request.refund_id])

    def _payment(self, request: PaymentRequest, status: OutcomeStatus) -> Outcome:
        reference = f"ch_{request.attempt_id}"
        if status is OutcomeStatus.PROCESSED:
            return Outcome(
                status=status, reference=reference, amount_minor=request.amount_minor,
                currency=request.currency,
            )  # fmt: skip
        return Outcome(status=status, reference=reference)

    def _outcome(self, request: RefundRequest, status: OutcomeStatus) -> Outcome:
        return Outcome(
            status=status,
            reference=f"re_{request.refund_id}",
            amount_minor=request.amount_minor,
            currency=request.currency,
        )

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        told: dict[str, Any] = json.loads(body)
        return ProviderEvent(**{**told, "kind": EventKind(told["kind"])})

    async def test_connection(self, context: Context) -> str:
        return "The bank of the laws answers."


class Levy:
    """Charges by the last digits of a price: nothing, a tax in it, or taxes and a fee beside it."""

    manifest = Manifest(
        id=LEVY,
        version="1.0.0",
        slot=Slot.CHARGE,
        title="The levy of the laws",
        settings_schema={"type": "object", "additionalProperties": False, "properties": {}},
    )

    async def charge(self, context: Context, purchase: PurchaseView) -> Charged:
        price = purchase.price_minor
        match price % 4:
            case 0:
                return Charged()
            case 1:
                return Charged(charges=_taxes(price, (), "19", ("price",), included=True))
            case 2:
                charged = Charge(kind="fee", label="Fee", amount_minor=price // 10)
                taxes = _taxes(price, (), "8.25", ("price",), included=False)
                return Charged(charges=(charged, *taxes))
            case _:
                held = Charge(kind="fee", label="Fee", amount_minor=price // 3, included=True)
                taxes = _taxes(price, (held,), "19", ("price", "fees"), included=True)
                return Charged(charges=(held, *taxes))


def _taxes(
    price: int, before: tuple[Charge, ...], rate: str, parts: tuple[Any, ...], *, included: bool
) -> tuple[Charge, ...]:
    return tuple(
        Charge(
            kind="tax", label="Tax", included=included, rate=rate, of=part,
            amount_minor=levied(base_of(price, before, part), rate, included=included),
        )
        for part in parts
    )  # fmt: skip


class Shop:
    """Sells what the product's name says: `GEM:10:2:499` is 10 coins and 2 bonus for 4.99."""

    async def quote(self, look: Look, order: Order) -> Quote | Refusal:
        currency, coins, bonus, price = order.product_id.split(":")
        return Quote(
            purpose="packs", product_id=order.product_id, version=1, title=order.product_id,
            currency=currency,
            coins=int(coins), bonus=int(bonus), money=order.money, amount_minor=int(price),
        )  # fmt: skip

    async def offer(self, tx: Tx, wanted: Wanted) -> Offer | Refusal:
        return AMOUNT_NOT_SOLD

    def fulfil(self, intent: Intent) -> Goods | Refusal:
        return Goods(currency=intent.currency, coins=intent.coins, bonus=intent.bonus)
