"""A purchase for gates to look at, and the context that holds their settings."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from guildbank.plugin_api import Context, PastPurchase, PastState, PurchaseView
from guildbank.plugin_api.conformance import PURCHASE, DirectHttp, RecordedHistory

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def bought(**changes: Any) -> PurchaseView:
    """Return the purchase with some facts changed."""
    return msgspec.structs.replace(PURCHASE, **changes)


def past(minutes: float, **changes: Any) -> PastPurchase:
    """Return a purchase like that one, paid so many minutes before noon."""
    at = NOON - timedelta(minutes=minutes)
    found = PastPurchase(
        payment_id=f"pay_{minutes}", product_id=PURCHASE.product_id,
        amount_minor=PURCHASE.amount_minor, currency=PURCHASE.currency,
        provider=PURCHASE.provider, state=PastState.PAID, created_at=at,
    )  # fmt: skip
    return msgspec.structs.replace(found, **changes)


def context(
    settings: Mapping[str, Any], now: datetime = NOON, bought: Sequence[PastPurchase] = ()
) -> Context:
    """Return what the core hands to a gate with these settings, of a player who `bought` these."""
    return Context(
        tenant="demo", mode="test", settings=settings, now=now, webhook_url="", http=DirectHttp(),
        history=RecordedHistory({PURCHASE.player_id: bought}),
    )  # fmt: skip
