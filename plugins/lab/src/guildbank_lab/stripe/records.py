"""What the lab's Stripe remembers, in memory."""

from dataclasses import dataclass, field
from hashlib import sha256

_ANY_CARD = ("visa", "4242")
_CARDS = {
    "pm_card_mastercard": ("mastercard", "4444"),
    "pm_card_authenticationRequired": ("visa", "3184"),
    "pm_card_threeDSecure2Required": ("visa", "3220"),
    "pm_card_chargeCustomerFail": ("visa", "0341"),
    "pm_card_visa_chargeDeclined": ("visa", "0002"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("visa", "9995"),
    "pm_card_visa_chargeDeclinedLostCard": ("visa", "9987"),
    "pm_card_visa_chargeDeclinedStolenCard": ("visa", "9979"),
    "pm_card_chargeDeclinedExpiredCard": ("visa", "0069"),
    "pm_card_chargeDeclinedIncorrectCvc": ("visa", "0127"),
    "pm_card_chargeDeclinedProcessingError": ("visa", "0119"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": ("visa", "6975"),
}


@dataclass(slots=True, kw_only=True)
class Account:
    """A merchant's account with its one webhook endpoint."""

    id: str
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    webhook_url: str


@dataclass(slots=True, kw_only=True)
class Customer:
    """For whom cards are kept. One that is deleted is shown as such, and keeps nothing."""

    id: str
    account: Account
    metadata: dict[str, str]
    at: int
    deleted: bool = False

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this customer."""
        return self.id, *self.metadata.values()


@dataclass(slots=True, kw_only=True)
class Card:
    """A payment method; `test_card` is the token that says how its bank behaves."""

    id: str
    account: Account
    test_card: str
    exp_month: int
    exp_year: int
    at: int
    customer: Customer | None = None
    used: bool = False

    @property
    def brand(self) -> str:
        """The network's name."""
        return _CARDS.get(self.test_card, _ANY_CARD)[0]

    @property
    def last4(self) -> str:
        """The last four digits."""
        return _CARDS.get(self.test_card, _ANY_CARD)[1]

    @property
    def fingerprint(self) -> str:
        """The same for the same number, within an account."""
        return sha256(f"{self.account.id} {self.test_card}".encode()).hexdigest()[:16]


@dataclass(slots=True, kw_only=True)
class Failure:
    """Why the last try on an intent failed; a bank that declined leaves a failed `charge`."""

    code: str
    message: str
    decline_code: str | None = None
    param: str | None = None
    type: str = "card_error"
    advice_code: str | None = None
    network_decline_code: str | None = None
    charge: str | None = None
    card: Card | None = None


@dataclass(slots=True, kw_only=True)
class Refund:
    """Money given back, or on its way."""

    id: str
    amount: int
    status: str
    reason: str | None
    metadata: dict[str, str]
    at: int


@dataclass(slots=True, kw_only=True)
class Intent:
    """A PaymentIntent; `page` is the Checkout Session whose it is.

    With `keeps` the card that pays it is attached to its customer.
    """

    id: str
    account: Account
    amount: int
    currency: str
    status: str
    client_secret: str
    metadata: dict[str, str]
    description: str | None
    return_url: str | None
    at: int
    method: str | None = None
    customer: Customer | None = None
    keeps: bool = False
    failure: Failure | None = None
    page: str | None = None
    refunds: list[Refund] = field(default_factory=list)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this payment."""
        return self.id, *self.metadata.values()

    @property
    def received(self) -> int:
        """What was taken."""
        return self.amount if self.status == "succeeded" else 0

    @property
    def refunded(self) -> int:
        """What was given back or is on its way."""
        return sum(one.amount for one in self.refunds if one.status not in ("failed", "canceled"))


@dataclass(slots=True, kw_only=True)
class Session:
    """A Checkout Session with its one line."""

    id: str
    account: Account
    amount: int
    currency: str
    title: str
    success_url: str
    cancel_url: str | None
    metadata: dict[str, str]
    intent_metadata: dict[str, str]
    client_reference_id: str | None
    expires_at: int
    at: int
    customer: Customer | None = None
    keeps: bool = False
    status: str = "open"
    intent: Intent | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this payment."""
        return self.id, *self.metadata.values()


@dataclass(slots=True, kw_only=True)
class Dispute:
    """A buyer's complaint at the bank."""

    id: str
    intent: Intent
    amount: int
    reason: str
    status: str
    due_by: int | None
    at: int
    withdrawn_at: int | None = None
    reinstated_at: int | None = None
    evidence: dict[str, str] = field(default_factory=dict)
    submissions: int = 0

    @property
    def withdrawn(self) -> bool:
        """Whether its money was taken."""
        return self.withdrawn_at is not None

    @property
    def moved(self) -> list[tuple[str, int, int]]:
        """What it moved of the balance: the category of each line, its amount, and when."""
        went, came = self.withdrawn_at, self.reinstated_at
        return [
            *([] if went is None else [("dispute", -self.amount, went)]),
            *([] if came is None else [("dispute_reversal", self.amount, came)]),
        ]


@dataclass(slots=True, kw_only=True)
class Reversal:
    """Money of a transfer that came back."""

    id: str
    amount: int
    at: int
    line: str
    """The balance transaction."""


@dataclass(slots=True, kw_only=True)
class Transfer:
    """Money that went to a connected account."""

    id: str
    account: Account
    amount: int
    currency: str
    destination: str
    group: str | None
    metadata: dict[str, str]
    at: int
    line: str
    """The balance transaction."""
    reversals: list[Reversal] = field(default_factory=list)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this transfer."""
        return self.id, self.destination, *self.metadata.values()

    @property
    def reversed(self) -> int:
        """What came back."""
        return sum(one.amount for one in self.reversals)


@dataclass(slots=True, kw_only=True)
class Kept:
    """The answer that an idempotency key got, for whoever sends it again."""

    request: tuple[str, bytes]
    status: int
    answer: object
    until: int
