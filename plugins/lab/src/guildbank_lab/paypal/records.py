"""What the lab's PayPal remembers, in memory."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal


@dataclass(slots=True, kw_only=True)
class Account:
    """A merchant's app with its one webhook; `payer_id` is whose PayPal account it is of.

    Without the scope PayPal does not tell an app whose it is.
    """

    client_id: str
    payer_id: str
    tells_payer: bool
    client_secret: str = field(repr=False)
    webhook_id: str
    webhook_url: str


@dataclass(slots=True, kw_only=True)
class Capture:
    """Money taken, on its way, or refused."""

    id: str
    status: str
    currency: str
    value: Decimal
    reason: str | None
    at: str
    processor: str | None = None


@dataclass(slots=True, kw_only=True)
class Refund:
    """Money given back, or on its way."""

    id: str
    status: str
    value: Decimal
    custom_id: str | None
    note: str | None
    at: str


@dataclass(slots=True, kw_only=True)
class Dispute:
    """A buyer's complaint about a capture."""

    id: str
    order: "Order"
    value: Decimal
    reason: str
    at: str
    stage: str
    status: str = "OPEN"
    due: str | None = None
    """Until when the seller is to answer."""
    changed: str = ""
    outcome: str | None = None
    refunded: Decimal | None = None
    resolved_at: str | None = None
    taken_by: str = ""
    """The transaction that takes a lost dispute's money."""
    charged_by: str = ""
    """The transaction of its fee."""


@dataclass(slots=True, kw_only=True)
class Order:
    """An order with its one purchase unit."""

    id: str
    account: Account
    custom_id: str
    invoice_id: str | None
    description: str
    currency: str
    value: Decimal
    return_url: str | None
    cancel_url: str | None
    at: str
    status: str = "PAYER_ACTION_REQUIRED"
    capture: Capture | None = None
    refunds: list[Refund] = field(default_factory=list)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this order."""
        return self.id, self.custom_id, self.custom_id.partition("/")[0]

    @property
    def refunded(self) -> Decimal:
        """What was given back or is on its way."""
        return sum((one.value for one in self.refunds if one.status != "FAILED"), Decimal(0))


@dataclass(slots=True, kw_only=True)
class Kept:
    """The answer that a request id got, for whoever sends it again."""

    body: bytes
    status: int
    answer: object
    until: datetime


@dataclass(slots=True, kw_only=True)
class Payout:
    """A batch of one item, which pays a receiver."""

    id: str
    item_id: str
    account: Account
    sender_batch_id: str
    sender_item_id: str
    receiver: str
    currency: str
    value: Decimal
    status: str
    error: str | None
    transaction_id: str
    fee_id: str
    at: str
    back_id: str = ""
    """The transaction by which the money came back."""
    back_at: str = ""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this payout."""
        return self.sender_batch_id, self.sender_item_id, self.receiver, self.id
