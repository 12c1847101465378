"""What the lab's Steam remembers, in memory."""

from dataclasses import dataclass, field
from datetime import datetime

REFUNDED = "Refunded"


@dataclass(slots=True, kw_only=True)
class Account:
    """A game with the key of its publisher."""

    app_id: str
    key: str = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Wallet:
    """A player's wallet."""

    currency: str = "EUR"
    country: str = "DE"
    state: str = ""
    status: str = "Active"


@dataclass(slots=True, kw_only=True)
class Item:
    """A line of an order, in hundredths; its status is the order's while it has none."""

    amount: int
    vat: int = 0
    status: str | None = None


@dataclass(slots=True, kw_only=True)
class Order:
    """An order with what it was made for."""

    account: Account
    order_id: str
    trans_id: str
    steam_id: str
    item_id: int
    quantity: int
    description: str
    currency: str
    asked: int
    country: str
    state: str
    web: bool
    made: datetime
    changed: datetime
    status: str = "Init"
    items: list[Item] = field(default_factory=list)

    @property
    def subjects(self) -> tuple[str, ...]:
        """The names by which a switch may mean this order."""
        return self.order_id, self.trans_id, self.steam_id
