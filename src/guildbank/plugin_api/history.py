"""What a gate may know of a player's purchases of late, for limits on more than one of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

import msgspec

MAX_PAST = 500
"""How many purchases a history tells; who gets so many may lack older ones."""
MAX_PAST_SPAN = timedelta(days=31)
"""How far back it goes."""


class PastState(StrEnum):
    """Where a purchase stands, in as few words as gates need."""

    OPEN = "open"
    """Money may come yet: it waits for the player, for the provider, or for another try."""
    PAID = "paid"
    """Money came, and not all of it went back."""
    FAILED = "failed"
    """It ended without money."""
    RETURNED = "returned"
    """All money went back, or is on its way: refunded, disputed, or never taken for the goods."""


class PastPurchase(msgspec.Struct, frozen=True, kw_only=True):
    """A purchase that was recorded. `amount_minor` is in minor units of the money `currency`.

    `declined_at` are the times at which a provider declined a try to pay it, newest first.
    """

    payment_id: str
    product_id: str
    amount_minor: int
    currency: str
    provider: str
    state: PastState
    created_at: datetime
    declined_at: tuple[datetime, ...] = ()


MAX_SHARERS = 100
"""How many players of one device are told apart; more are as many."""


class History(Protocol):
    """The purchases of one tenant's players, as the core has recorded them by now."""

    async def purchases(self, player_id: str, since: datetime) -> Sequence[PastPurchase]:
        """Return those recorded `since` then, newest first, at most MAX_PAST.

        The purchase that is asked about is among them once it is stored: before the provider it
        is, at the entry it is not. Raises ValueError for a time without zone, and for one that is
        further back than MAX_PAST_SPAN.
        """
        ...

    async def sharers(self, device: str, player_id: str, since: datetime) -> int:
        """Return how many other players began purchases on a device `since` then.

        `device` is that of a PurchaseView; whatever became of those purchases, they count. More
        than MAX_SHARERS are told as so many. Raises as `purchases` does.
        """
        ...


def rivals(past: Sequence[PastPurchase], payment_id: str) -> list[PastPurchase]:
    """Return the purchases that count beside the one that is asked about, in their order.

    These are all but itself, without the open ones that were recorded after it. Those meet it when
    they are asked about, so that of two at the same time one passes and not both, nor neither.
    """
    own = next((one for one in past if one.payment_id == payment_id), None)
    others = [one for one in past if one.payment_id != payment_id]
    if own is None:
        return others
    return [one for one in others if one.state is not PastState.OPEN or _place(one) < _place(own)]


def _place(purchase: PastPurchase) -> tuple[datetime, str]:
    """Purchases that one batch of the journal recorded have one time."""
    return purchase.created_at, purchase.payment_id
