"""What crosses the door of payments: rows of a payment, the Fulfilment port, refusals."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Protocol

import msgspec

from guildbank.kernel import Refusal

if TYPE_CHECKING:
    from guildbank.infra.database import Tx

PAYMENTS_ORDER = 60


class IntentState(StrEnum):
    """Where a payment stands: what the player wants, over all attempts."""

    CREATED = "created"
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    """Money came, but its coins could not be credited; it is on its way back."""
    CREDITED = "credited"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"
    CONFLICTED = "conflicted"
    UNKNOWN = "unknown"


class AttemptState(StrEnum):
    """Where one try with one provider stands."""

    CREATED = "created"
    """Recorded; the request may or may not have left."""
    PENDING = "pending"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class RefundState(StrEnum):
    """Where a refund stands; its coins and money are set aside from the beginning."""

    CREATED = "created"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class DisputeState(StrEnum):
    """Where a dispute stands."""

    PREVENTED = "prevented"
    EARLY_WARNING = "early_warning"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    WON = "won"
    LOST = "lost"


class Applied(StrEnum):
    """Where captured money was booked: behind coins, or aside until it is given back."""

    CREDITED = "credited"
    UNAPPLIED = "unapplied"


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


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """A payment. `currency` is of the coins, `money` of the price, `amount_minor` its minor units.

    `credited_seq` is the entry that credited it, its lots are at `paid_leg` and `bonus_leg`;
    `taken_paid` and `taken_bonus` count the coins that refunds and disputes claimed back.
    `reserved` says whether the counters in `limits` hold this sale now. It runs through `revision`
    of the pipeline of its `purpose` until it is credited. `problem_detail` is the sentence for the
    player of a check that refused it.
    """

    id: str
    state: IntentState
    player_id: str
    provider: str
    product_id: str
    product_version: int
    title: str
    currency: str
    coins: int
    bonus: int
    money: str
    amount_minor: int
    country: str | None
    limits: str
    reserved: bool
    attempts: int
    attempt_id: str | None
    problem: str | None
    credited_seq: int | None
    credited_at: datetime | None
    paid_leg: int | None
    bonus_leg: int | None
    taken_paid: int
    taken_bonus: int
    created_at: datetime
    expires_at: datetime
    changed_at: datetime
    purpose: str
    revision: int
    problem_detail: str | None = None


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try with one provider: a transaction there, under `reference`.

    `request` is the exact request, kept before it was sent. What was captured is split over
    time: `refunding_minor` is on its way back, `refunded_minor` is back, `disputed_minor` was
    withdrawn by disputes.
    """

    id: str
    payment_id: str
    number: int
    provider: str
    state: AttemptState
    reference: str | None
    request: str
    action: str | None
    code: str | None
    applied: Applied | None
    captured_minor: int
    captured_money: str | None
    refunding_minor: int
    refunded_minor: int
    disputed_minor: int
    open_disputes: int
    created_at: datetime
    changed_at: datetime

    @property
    def given_back_minor(self) -> int:
        """Return what is back, on its way back, or withdrawn."""
        return self.refunding_minor + self.refunded_minor + self.disputed_minor

    @property
    def left_minor(self) -> int:
        """Return what can still be refunded."""
        return max(0, self.captured_minor - self.given_back_minor)


class Claw(msgspec.Struct, frozen=True, array_like=True):
    """Coins taken by transfer (seq, leg) at `offset`; in their first lot they are at `position`."""

    bucket: str
    seq: int
    leg: int
    offset: int
    amount: int
    position: int


class Taking(msgspec.Struct, frozen=True):
    """What a refund or dispute took back: `paid` and `bonus` coins, of which the claws name those
    found unspent and the rest is owed. `basis_minor` is what the clawed paid coins had cost.
    """

    paid: int = 0
    bonus: int = 0
    basis_minor: int = 0
    claws: tuple[Claw, ...] = ()

    def clawed(self, bucket: str) -> int:
        """Return the coins taken out of one bucket."""
        return sum(claw.amount for claw in self.claws if claw.bucket == bucket)

    @property
    def owed(self) -> int:
        """Return the coins that became a debt."""
        return self.paid + self.bonus - sum(claw.amount for claw in self.claws)


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money given back: `origin` merchant, system (unapplied money) or provider (its dashboard).

    `sealed_reason` is what the tenant's people wrote, under the person's key.
    """

    id: str
    payment_id: str
    attempt_id: str
    provider: str
    source: Applied
    origin: str
    state: RefundState
    amount_minor: int
    money: str
    reason: str | None
    reference: str | None
    request: str
    taking: str
    code: str | None
    created_at: datetime
    changed_at: datetime
    sealed_reason: bytes | None = None


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute: money moves at `withdrawn` and back at `reinstated`, whatever its state says."""

    id: str
    payment_id: str
    attempt_id: str
    provider: str
    reference: str
    state: DisputeState
    amount_minor: int
    money: str
    withdrawn: bool
    reinstated: bool
    reason: str | None
    taking: str
    created_at: datetime
    changed_at: datetime


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant's account at a provider; `settings` is JSON without secrets, `sealed` the rest."""

    id: str
    enabled: bool
    settings: str
    sealed: bytes
    created_at: datetime
    changed_at: datetime


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

    async def quote(self, tx: "Tx", order: Order) -> Quote | Refusal:
        """Say what the order costs and holds, or why it is not for sale."""
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


NO_CHANGE = Refusal(code="no_change", detail="Nothing is to be done.")
"""What an act answers that finds its effect done already; never leaves the room."""

PROVIDER_CONFIGURED = "payments.provider_configured"
"""The kind of an entry of this room that is about no payment."""

AMOUNT_NOT_SOLD = Refusal(
    code="amount_not_sold",
    detail="No pack on sale has exactly this many coins, and the currency has no unit price.",
    field="amount",
)
NO_PAYMENT = Refusal(code="not_found", detail="There is no such payment.")
NO_REFUND = Refusal(code="not_found", detail="There is no such refund.")
NO_PROVIDER = Refusal(
    code="unknown_provider",
    detail="This tenant has no such payment provider, or it is switched off.",
    field="provider",
)
SANDBOX_REFUSED = Refusal(
    code="sandbox_refused",
    detail="A sandbox provider moves no real money; only tenants of mode test may use it.",
    field="provider",
)
NOT_RETRYABLE = Refusal(
    code="payment_not_retryable",
    detail="A new attempt needs a payment in the state requires_payment_method.",
)
NOT_CANCELABLE = Refusal(
    code="payment_not_cancelable", detail="The payment has ended or its money was captured."
)
IN_PROGRESS = Refusal(
    code="payment_in_progress",
    detail="The provider has not said yet how the payment stands. Ask again shortly.",
)
NOT_REFUNDABLE = Refusal(
    code="payment_not_refundable", detail="No captured money of this payment is left to refund."
)
DISPUTE_OPEN = Refusal(
    code="dispute_open",
    detail="The payment is disputed; it can be refunded once the dispute is closed.",
)


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A command to buy: what, for which player, with which provider and method."""

    player_id: str
    product_id: str
    coins: int | None
    money: str
    country: str | None
    provider: str
    method: str | None
    return_url: str | None


class RefundCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to give money back; without an amount, all that is left.

    `attempt_id` names whose money, where more than one attempt captured some; left out, it is that
    of the attempt that bought the coins.
    """

    payment_id: str
    amount_minor: int | None
    money: str | None
    reason: str | None
    attempt_id: str | None = None
