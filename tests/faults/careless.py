"""A payment company that keeps exact books, and is careless in all that it says of them.

What a payment or refund meets is its fate. Nothing that it answers depends on when it is asked, so
a plan that is run again meets the same.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec
from tests.payments.scripted import Lost

from guildbank.plugin_api import (
    Context,
    Manifest,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    Slot,
    WebhookRejected,
)

MANIFEST = Manifest(
    id="careless",
    version="1.0.0",
    slot=Slot.PROVIDER,
    title="Careless",
    settings_schema={"type": "object", "additionalProperties": False, "properties": {}},
    timeout_seconds=5,
    sandbox=True,
)
PAYMENT_FATES = {
    "paid": 46,
    "declined": 8,
    "answer_lost": 12,
    "never_arrived": 6,
    "pending_paid": 10,
    "pending_declined": 4,
    "wrong_amount": 4,
    "paid_after_cancel": 6,
    "canceled": 4,
}
REFUND_FATES = {
    "paid": 60,
    "pending_paid": 12,
    "pending_declined": 8,
    "answer_lost": 10,
    "never_arrived": 6,
    "declined": 4,
}
GONE = Outcome(status=OutcomeStatus.CANCELED, code="not_found")


@dataclass
class Charge:
    """What was taken of a buyer, and where it is."""

    request: PaymentRequest
    status: OutcomeStatus
    minor: int = 0
    refunded: int = 0
    disputed: int = 0

    @property
    def left(self) -> int:
        """What is neither given back nor disputed."""
        return self.minor - self.refunded - self.disputed


@dataclass
class GivenBack:
    """A refund: its money is set aside as long as it is pending."""

    charge: Charge
    minor: int
    status: OutcomeStatus


@dataclass
class Careless:
    """The company. While it is `tired`, things stay pending and some are not answered."""

    dice: random.Random
    tired: bool = True
    charges: dict[str, Charge] = field(default_factory=dict)
    refunds: dict[str, GivenBack] = field(default_factory=dict)

    @property
    def manifest(self) -> Manifest:
        return MANIFEST

    @property
    def holds(self) -> int:
        """The money that it owes to the shop, by its own books."""
        return sum(one.left for one in self.charges.values())

    async def create_payment(self, context: Context, request: PaymentRequest) -> Outcome:
        fate = request.method or "paid"
        if fate == "never_arrived":
            raise Lost
        assert request.attempt_id not in self.charges, "it was sent twice"
        charge = Charge(request, OutcomeStatus.PENDING)
        self.charges[request.attempt_id] = charge
        if fate == "declined":
            charge.status = OutcomeStatus.DECLINED
        elif not fate.startswith("pending") and fate not in ("paid_after_cancel", "canceled"):
            self._take(charge)
        if fate == "answer_lost":
            raise Lost
        return self._outcome(charge)

    async def fetch_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        self._yawn()
        charge = self.charges.get(attempt_id)
        return GONE if charge is None else self._outcome(charge)

    async def cancel_payment(
        self, context: Context, attempt_id: str, reference: str | None
    ) -> Outcome:
        self._yawn()
        charge = self.charges.get(attempt_id)
        if charge is None:
            return GONE
        if charge.status is OutcomeStatus.PENDING:
            charge.status = OutcomeStatus.CANCELED
        said = self._outcome(charge)
        if charge.request.method == "paid_after_cancel" and not charge.minor:
            # It says that it is canceled, and takes the money after that.
            self._take(charge)
        return said

    async def refund(self, context: Context, request: RefundRequest) -> Outcome:
        known = self.refunds.get(request.refund_id)
        if known is not None:
            return self._refund_outcome(request.refund_id, known)
        fate = self._choose(REFUND_FATES)
        if fate == "never_arrived":
            raise Lost
        charge = self.charges[request.attempt_id]
        given = GivenBack(charge, request.amount_minor, OutcomeStatus.PENDING)
        self.refunds[request.refund_id] = given
        if request.amount_minor > charge.left or fate == "declined":
            given.status = OutcomeStatus.DECLINED
        else:
            charge.refunded += given.minor
            if not (self.tired and fate.startswith("pending")):
                given.status = OutcomeStatus.PROCESSED
        if fate == "answer_lost":
            raise Lost
        return self._refund_outcome(request.refund_id, given)

    async def fetch_refund(
        self, context: Context, request: RefundRequest, reference: str | None
    ) -> Outcome:
        self._yawn()
        name = (reference or "").removeprefix("re_")
        known = self.refunds.get(request.refund_id) or self.refunds.get(name)
        return GONE if known is None else self._refund_outcome(request.refund_id, known)

    async def read_webhook(
        self, context: Context, headers: Mapping[str, str], body: bytes
    ) -> ProviderEvent | WebhookRejected:
        return msgspec.json.decode(body, type=ProviderEvent)

    async def test_connection(self, context: Context) -> str:
        return "Connected."

    # What others do there

    def give_back(self, attempt_id: str, minor: int, name: str) -> bool:
        """Refund by the company's own staff, as far as there is anything."""
        charge = self.charges[attempt_id]
        if not 0 < minor <= charge.left:
            return False
        charge.refunded += minor
        self.refunds[name] = GivenBack(charge, minor, OutcomeStatus.PROCESSED)
        return True

    def withdraw(self, attempt_id: str, minor: int) -> int:
        """Take disputed money, as far as there is any; return how much."""
        charge = self.charges[attempt_id]
        taken = min(minor, charge.left)
        charge.disputed += taken
        return taken

    def reinstate(self, attempt_id: str, minor: int) -> None:
        """Give disputed money back."""
        self.charges[attempt_id].disputed -= minor

    def wake(self) -> None:
        """End all that is pending, and answer from now on."""
        self.tired = False
        for charge in self.charges.values():
            fate = charge.request.method
            if charge.status is OutcomeStatus.PENDING and fate == "pending_paid":
                self._take(charge)
            elif charge.status is OutcomeStatus.PENDING:
                charge.status = OutcomeStatus.DECLINED
        for given in self.refunds.values():
            if given.status is OutcomeStatus.PENDING:
                # Most are paid; the money of those that are not is the shop's again.
                given.status = OutcomeStatus.PROCESSED
                if self.dice.random() < 0.3:
                    given.status = OutcomeStatus.DECLINED
                    given.charge.refunded -= given.minor

    def _take(self, charge: Charge) -> None:
        short = charge.request.method == "wrong_amount"
        charge.minor = charge.request.amount_minor - short
        charge.status = OutcomeStatus.PROCESSED

    def _outcome(self, charge: Charge) -> Outcome:
        reference = f"ch_{charge.request.attempt_id}"
        if charge.status is not OutcomeStatus.PROCESSED:
            code = "card_declined" if charge.status is OutcomeStatus.DECLINED else None
            return Outcome(status=charge.status, reference=reference, code=code)
        return Outcome(
            status=charge.status, reference=reference, amount_minor=charge.minor,
            currency=charge.request.currency,
        )  # fmt: skip

    def _refund_outcome(self, refund_id: str, given: GivenBack) -> Outcome:
        return Outcome(
            status=given.status, reference=f"re_{refund_id}", amount_minor=given.minor,
            currency=given.charge.request.currency,
        )  # fmt: skip

    def _choose(self, fates: Mapping[str, int]) -> str:
        return self.dice.choices(list(fates), list(fates.values()))[0]

    def _yawn(self) -> None:
        if self.tired and self.dice.random() < 0.2:
            raise Lost
