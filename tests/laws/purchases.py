"""The commands of payments that the simulation draws, sent through the real use cases.

Their entries are read back from the journal and taken by the till (`till.py`); what a command
itself answers is only whether it was refused.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.laws.bank import BANK, Bank
from tests.laws.till import MONEY
from tests.laws.world import World

from guildbank.approvals import FourEyes
from guildbank.identity import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Sealed
from guildbank.kernel import Refusal
from guildbank.payments import Payments
from guildbank.payments.contracts.sale import Purchase, RefundCommand
from guildbank.payments.usecases.cancel import cancel_payment
from guildbank.payments.usecases.create import create_payment
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.payments.usecases.refund import refund_payment
from guildbank.plugin_api import OutcomeStatus
from guildbank.wallets.usecases import Wallets

NO_SALE = "pay_01h455vb4pex5vsknk084sn02q"
"""A payment that never was."""

READ_PAYLOADS = "SELECT sealed FROM journal_payload WHERE person = $1"


@dataclass(frozen=True)
class Till:
    """Where a deed is sent: one worker, and the bank behind it."""

    payments: Payments
    identity: Identity
    tenant: TenantRef
    bank: Bank
    principal: str
    kept: list[Sealed]
    wallets: Wallets
    eyes: FourEyes
    people: Sequence[str]

    def person(self, number: int) -> str:
        """Return one of the tenant's operators."""
        return self.people[number % len(self.people)]

    async def keep_payloads(self, player: str) -> None:
        """Copy what is sealed for a player now, as a backup would have it."""
        async with self.payments.db.begin(self.tenant.schema, read_only=True) as tx:
            rows = await tx.driver.fetch(READ_PAYLOADS, player)
        self.kept.extend(Sealed(player, "", row[0]) for row in rows)

    async def tell(self, event: dict[str, Any]) -> Refusal | None:
        """Deliver a webhook and wait until it is worked off."""
        body = json.dumps(event).encode()
        answer = await receive_webhook(self.payments, self.tenant.slug, BANK, {}, body)
        await self.payments.drain()
        return answer if isinstance(answer, Refusal) else None


@dataclass(frozen=True)
class Deed:
    """One request or event, whose entries are read back from the journal."""

    def aimed(self, world: World) -> "Deed":
        """Choose what it is about, out of what exists now."""
        return self

    async def send(self, till: Till, key: str) -> Refusal | None:
        """Send it; return why it was refused."""
        raise NotImplementedError

    def refusal(self, world: World) -> str | None:
        """Why the model refuses it now, None when it does not."""
        return None

    def refused_unseeing(self, world: World) -> str | None:
        """The same of one that knew nothing of what happened at the same time."""
        return self.refusal(world)


@dataclass(frozen=True)
class PaymentCommand(Deed):
    """One request of payments, or one event of the provider: sent again it changes nothing."""


@dataclass(frozen=True)
class Buy(PaymentCommand):
    player: int
    currency: str
    coins: int
    bonus: int
    price: int
    method: str | None
    player_id: str = ""

    def aimed(self, world: World) -> "Buy":
        return replace(self, player_id=world.player(self.player))

    async def send(self, till: Till, key: str) -> Refusal | None:
        product = f"{self.currency}:{self.coins}:{self.bonus}:{self.price}"
        purchase = Purchase(
            player_id=self.player_id, product_id=product, coins=None, money=MONEY, country=None,
            provider=BANK, method=self.method, return_url=None,
        )  # fmt: skip
        bought = await create_payment(till.payments, till.tenant, till.principal, key, purchase)
        return bought if isinstance(bought, Refusal) else None

    def refusal(self, world: World) -> str | None:
        if self.player_id in world.strangers or world.register.erased(self.player_id):
            return "unknown_player"
        barred = world.register.barred(self.player_id)
        full = world.ceiling_bars(
            self.player_id, self.currency, {"paid": self.coins, "bonus": self.bonus}
        )
        return barred or ("ceiling_exceeded" if full else None)


@dataclass(frozen=True)
class OnOrder(PaymentCommand):
    """A command about a payment that took no money yet, or that took it."""

    pick: int
    payment: str = NO_SALE
    attempt: str = ""

    def aimed(self, world: World) -> "OnOrder":
        orders = world.till.orders
        if not orders:
            return self
        payment = list(orders)[-1 - self.pick % len(orders)]
        return replace(self, payment=payment, attempt=orders[payment].attempt)


@dataclass(frozen=True)
class PaymentTurns(OnOrder):
    """The provider says how a payment stands, one too that was declined or canceled before."""

    status: str = "processed"

    async def send(self, till: Till, key: str) -> Refusal | None:
        if not self.attempt:
            return None
        till.bank.later[self.attempt] = OutcomeStatus(self.status)
        return await till.tell({"external_id": key, "kind": "payment", "attempt_id": self.attempt})


@dataclass(frozen=True)
class CancelOrder(OnOrder):
    """The player thinks better of it. What took no money can be canceled whoever the player is."""

    async def send(self, till: Till, key: str) -> Refusal | None:
        done = await cancel_payment(till.payments, till.tenant, till.principal, self.payment)
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        order = world.till.orders.get(self.payment)
        if order is None:
            return "not_found"
        return None if order.state in ("open", "canceled") else "payment_not_cancelable"


@dataclass(frozen=True)
class OnSale(PaymentCommand):
    """A command about a payment."""

    pick: int
    payment: str = NO_SALE

    def aimed(self, world: World) -> "OnSale":
        sales = list(world.till.sales)
        chosen = sales[-1 - self.pick % len(sales)] if sales else NO_SALE
        return replace(self, payment=chosen)


@dataclass(frozen=True)
class GiveMoneyBack(OnSale):
    """A refund by the merchant. `ends` is what the provider says at first."""

    amount: int | None = None
    ends: str = "processed"

    async def send(self, till: Till, key: str) -> Refusal | None:
        command = RefundCommand(
            payment_id=self.payment, amount_minor=self.amount, money=None, reason=self.ends
        )
        refund = await refund_payment(till.payments, till.tenant, till.principal, key, command)
        return refund if isinstance(refund, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.till.refund_refusal(world, self.payment, self.amount)

    def refused_unseeing(self, world: World) -> str | None:
        return world.till.refund_refusal(
            world, self.payment, self.amount, until=world.armoury.known
        )


@dataclass(frozen=True)
class RefundTurns(OnSale):
    """The provider says how one of a payment's refunds stands; a late failure is possible."""

    which: int = 0
    status: str = "processed"
    refund: str | None = None
    attempt: str = ""

    def aimed(self, world: World) -> "RefundTurns":
        aimed = replace(self, payment=OnSale.aimed(self, world).payment)
        sale = world.till.sales.get(aimed.payment)
        refunds = list(sale.refunds) if sale else []
        if sale is None or not refunds:
            return aimed
        chosen = refunds[self.which % len(refunds)]
        return replace(aimed, refund=chosen, attempt=sale.attempt)

    async def send(self, till: Till, key: str) -> Refusal | None:
        if self.refund is None:
            return None
        till.bank.later[self.refund] = OutcomeStatus(self.status)
        return await till.tell(
            {
                "external_id": key,
                "kind": "refund",
                "attempt_id": self.attempt,
                "refund_id": self.refund,
            }
        )


@dataclass(frozen=True)
class DisputeTurns(OnSale):
    """An event of a dispute: opened, funds withdrawn or reinstated, closed; in any order."""

    which: int = 0
    kind: str = "dispute_opened"
    share: int = 1
    won: bool = False
    amount: int = 0
    attempt: str = ""

    def aimed(self, world: World) -> "DisputeTurns":
        aimed = replace(self, payment=OnSale.aimed(self, world).payment)
        sale = world.till.sales.get(aimed.payment)
        if sale is None:
            return aimed
        return replace(aimed, amount=-(-sale.price // self.share), attempt=sale.attempt)

    async def send(self, till: Till, key: str) -> Refusal | None:
        if not self.attempt:
            return None
        return await till.tell(
            {
                "external_id": key,
                "kind": self.kind,
                "attempt_id": self.attempt,
                "dispute_reference": f"dp_{self.attempt}_{self.which}",
                "amount_minor": self.amount,
                "currency": MONEY,
                "won": self.won,
            }
        )
