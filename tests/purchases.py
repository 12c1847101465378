"""A purchase for gates to look at, and the context that holds their settings."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from guildbank.plugin_api import Context, PurchaseView
from guildbank.plugin_api.conformance import DirectHttp

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
PURCHASE = PurchaseView(
    payment_id="pay_01m2x6z6zzf2s8r9s5v0gq2k3a",
    player_id="player_01m2x6z6zzf2s8r9s5v0gq2k3b",
    purpose="coins",
    provider="stripe",
    amount_minor=999,
    currency="EUR",
    country="DE",
    annotations={},
    product_id="pack_starter",
    game_currency="GEM",
    coins=1_000,
    bonus=100,
)


def bought(**changes: Any) -> PurchaseView:
    """Return the purchase with some facts changed."""
    return msgspec.structs.replace(PURCHASE, **changes)


def context(settings: Mapping[str, Any], now: datetime = NOON) -> Context:
    """Return what the core hands to a gate with these settings."""
    return Context(
        tenant="demo", mode="test", settings=settings, now=now, webhook_url="", http=DirectHttp()
    )
