"""What the lab's Google remembers, in memory."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from joserfc.jwk import RSAKey


@dataclass(slots=True, kw_only=True)
class App:
    """An app in the store with its service account, and where its notifications go."""

    package_name: str
    email: str
    key_id: str
    key: RSAKey = field(repr=False)
    webhook_url: str | None = None
    audience: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a player's device buys, and under which names; the price is in whole units."""

    product: str
    account: str | None
    profile: str | None
    price: Decimal
    currency: str
    region: str
    quantity: int
    test: bool
    pending: bool
    days: int = 30


@dataclass(slots=True, kw_only=True)
class Subscription:
    """What renews, under one token: how it stands, and at which price the next period will be."""

    app: App
    token: str
    wish: Wish
    state: str
    ends: datetime
    renews: bool = True
    acknowledged: bool = False


@dataclass(slots=True, kw_only=True)
class Sale:
    """A purchase, and what became of it."""

    app: App
    token: str
    order_id: str
    wish: Wish
    state: str
    bought: datetime
    consumed: bool = False
    refunding: bool = False
    voided: datetime | None = None
    reason: int = 0
    source: int = 0
    ends: datetime | None = None
    """Of a period of a subscription; its token is the subscription's."""

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this purchase."""
        return self.token, self.order_id, *([self.wish.profile] if self.wish.profile else [])
