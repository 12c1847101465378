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


@dataclass(slots=True, kw_only=True)
class Sale:
    """A purchase, and what became of its money; the price is in thousandths."""

    app: App
    transaction_id: str
    product: str
    token: str | None
    price: int
    currency: str
    quantity: int
    kind: str
    bought: datetime
    revoked: datetime | None = None
    percentage: int | None = None
    consumption: dict[str, object] | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this purchase."""
        return self.transaction_id, *([self.token] if self.token else [])


@dataclass(slots=True, kw_only=True)
class Sent:
    """A notification that was signed, whether it arrived or not."""

    app: App
    at: datetime
    signed: str
