"""What a conformance run of an entry or a middleware is given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.history import MAX_PAST, PastPurchase
from guildbank.plugin_api.stages import PurchaseView

PURCHASE = PurchaseView(
    payment_id="pay_01kb0e5c9vfyqs1drz0n9vxk4d",
    player_id="player_01kb0e5c9vfyqs1drz0n9vxk4e",
    purpose="packs",
    provider="sandbox",
    amount_minor=900,
    currency="EUR",
    country="DE",
    annotations={},
    product_id="product_01kb0e5c9vfyqs1drz0n9vxk4f",
    game_currency="GEM",
    coins=1_000,
    bonus=50,
)
"""An ordinary purchase, from which a rehearsal makes its own by `msgspec.structs.replace`."""


class GateRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """Which purchases a gate vetoes and admits with the settings of the run; None where none is.

    `past` is what players bought before, by their id.
    """

    vetoed: PurchaseView | None = None
    admitted: PurchaseView | None = None
    past: Mapping[str, Sequence[PastPurchase]] = {}


class RecordedHistory:
    """A `History` of what a rehearsal names, or a gate's own tests."""

    def __init__(self, past: Mapping[str, Sequence[PastPurchase]]) -> None:
        self._past = past

    async def purchases(self, player_id: str, since: datetime) -> Sequence[PastPurchase]:
        """Return the player's, newest first."""
        found = [one for one in self._past.get(player_id, ()) if one.created_at >= since]
        return sorted(found, key=lambda one: one.created_at, reverse=True)[:MAX_PAST]


@runtime_checkable
class GateRehearsable(Protocol):
    """A gate that knows its own rehearsal, so that `guildbank plugin test` needs no other."""

    def rehearsal(self) -> GateRehearsal:
        """Return purchases that are vetoed and admitted."""
        ...
