"""What a conformance run of an entry or a middleware is given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

import msgspec

from guildbank.plugin_api.history import MAX_PAST, MAX_SHARERS, PastPurchase
from guildbank.plugin_api.moves import MoveLeg, MoveView
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
    address="203.0.113.7",
    address_country="DE",
    device="0123456789abcdef0123456789abcdef",
)
"""An ordinary purchase, from which a rehearsal makes its own by `msgspec.structs.replace`."""


_PLAYER = PURCHASE.player_id
SPEND = MoveView(
    verb="spend",
    by="app_01kb0e5c9vfyqs1drz0n9vxk4d",
    players=(_PLAYER,),
    amounts={"GEM": 30},
    reference="quest-7",
    currency="GEM",
    amount_minor=30,
)
GRANT = MoveView(
    verb="grant",
    by="oper_01kb0e5c9vfyqs1drz0n9vxk4d",
    players=(_PLAYER,),
    amounts={"GEM": 500},
    reference="sorry",
    currency="GEM",
    amount_minor=500,
    metadata={"reason": "lost in a crash"},
)
TRANSFER = MoveView(
    verb="transfer",
    by="app_01kb0e5c9vfyqs1drz0n9vxk4d",
    players=(_PLAYER,),
    amounts={"GEM": 10, "GOLD": 2**53 - 1},
    reference="tournament",
    legs=(
        MoveLeg(source="house/pool", to=f"{_PLAYER}/bonus", currency="GEM", amount_minor=10),
        MoveLeg(source="house/pool", to="house/sales", currency="GOLD", amount_minor=2**53 - 1),
    ),
)
"""Ordinary operations; the last one is of two currencies, and so has no single amount."""


class GateRehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """Which purchases a gate vetoes and admits with the settings of the run; None where none is.

    `past` is what players bought before, by their id; `sharers` is how many other players bought
    on a device, by the device.
    """

    vetoed: PurchaseView | None = None
    admitted: PurchaseView | None = None
    past: Mapping[str, Sequence[PastPurchase]] = {}
    sharers: Mapping[str, int] = {}


class RecordedHistory:
    """A `History` of what a rehearsal names, or a gate's own tests."""

    def __init__(
        self, past: Mapping[str, Sequence[PastPurchase]], sharers: Mapping[str, int] | None = None
    ) -> None:
        self._past = past
        self._sharers = sharers or {}

    async def purchases(self, player_id: str, since: datetime) -> Sequence[PastPurchase]:
        """Return the player's, newest first."""
        found = [one for one in self._past.get(player_id, ()) if one.created_at >= since]
        return sorted(found, key=lambda one: one.created_at, reverse=True)[:MAX_PAST]

    async def sharers(self, device: str, player_id: str, since: datetime) -> int:
        """Return what was said of the device, whoever asks since when."""
        return min(self._sharers.get(device, 0), MAX_SHARERS)


@runtime_checkable
class GateRehearsable(Protocol):
    """A gate that knows its own rehearsal, so that `guildbank plugin test` needs no other."""

    def rehearsal(self) -> GateRehearsal:
        """Return purchases that are vetoed and admitted."""
        ...
