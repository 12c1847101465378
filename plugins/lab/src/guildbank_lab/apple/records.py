"""What the lab's Apple remembers, in memory."""

from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey


@dataclass(slots=True, kw_only=True)
class App:
    """An app in the store with the key of its developer, and where its notifications go."""

    bundle_id: str
    app_apple_id: int
    issuer_id: str
    key_id: str
    key: EllipticCurvePrivateKey = field(repr=False)
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a player's device buys, and under which token; the price is in thousandths."""

    product: str
    token: str | None
    price: int
    currency: str
    quantity: int
    kind: str
    days: int = 30
    shared: bool = False


@dataclass(slots=True, kw_only=True)
class Subscription:
    """What renews: how it stands, and of what and at which price the next period will be.

    `original` is the transaction that it began with.
    """

    app: App
    original: str
    wish: Wish
    status: int
    renews: bool
    ends: datetime


@dataclass(slots=True, kw_only=True)
class Sale:
    """A purchase, and what became of its money; the price is in thousandths.

    A period of a subscription has an end, and `original` names what it began with.
    """

    app: App
    transaction_id: str
    product: str
    token: str | None
    price: int
    currency: str
    quantity: int
    kind: str
    bought: datetime
    original: str | None = None
    ends: datetime | None = None
    shared: bool = False
    revoked: datetime | None = None
    percentage: int | None = None
    consumption: dict[str, object] | None = None

    @property
    def is_first(self) -> bool:
        """Whether nothing of its subscription was bought before."""
        return self.original in (None, self.transaction_id)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this purchase."""
        names = (self.transaction_id, self.token, None if self.is_first else self.original)
        return tuple(name for name in names if name is not None)


@dataclass(slots=True, kw_only=True)
class Sent:
    """A notification that was signed, whether it arrived or not."""

    app: App
    at: datetime
    signed: str
