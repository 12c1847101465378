"""A purchase for gates to look at, and the context that holds their settings."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from guildbank.plugin_api import Context, PurchaseView
from guildbank.plugin_api.conformance import PURCHASE, DirectHttp

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def bought(**changes: Any) -> PurchaseView:
    """Return the purchase with some facts changed."""
    return msgspec.structs.replace(PURCHASE, **changes)


def context(settings: Mapping[str, Any], now: datetime = NOON) -> Context:
    """Return what the core hands to a gate with these settings."""
    return Context(
        tenant="demo", mode="test", settings=settings, now=now, webhook_url="", http=DirectHttp()
    )
