"""What is done to players, as it waits for a second person."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from guildbank.approvals import Approvable
from guildbank.identity.http.operators.approvable import APPROVABLES as OF_STAFF
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.lives.change_state import Close, StoredChange, Suspend
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Receipt

MODERATE = "players:moderate"
SUSPEND, CLOSE = "players.suspend", "players.close"


class _Told(msgspec.Struct, rename="camel"):
    player_id: str


_TOLD = msgspec.json.Decoder(_Told)


async def _suspend(services: Any, _tenant: TenantRef | None, by: str, stored: StoredChange) -> Act:
    identity: Identity = services.identity
    return Suspend(by, stored.player_id, identity.followers, stored.reason, stored.until)


async def _close(services: Any, _tenant: TenantRef | None, by: str, stored: StoredChange) -> Act:
    identity: Identity = services.identity
    return Close(by, stored.player_id, identity.followers, stored.reason)


async def _after(services: Any, tenant: TenantRef, receipt: Receipt) -> None:
    """Let every worker hear of it before the call is answered."""
    player_id = _TOLD.decode(receipt.data).player_id
    standings = services.identity.standings
    await standings.settle(tenant, player_id, asyncio.Event(), told=True)


def _show(stored: StoredChange) -> Mapping[str, Any]:
    until: datetime | None = stored.until
    return {"playerId": stored.player_id, "until": None if until is None else until.isoformat()}


def _answer(receipt: Receipt) -> Mapping[str, str]:
    return {"id": _TOLD.decode(receipt.data).player_id}


APPROVABLES = (
    *OF_STAFF,
    Approvable(
        verb=SUSPEND,
        permission=MODERATE,
        meaning="Suspend a player.",
        command=StoredChange,
        show=_show,
        act=_suspend,
        after=_after,
        answer=_answer,
        sealed=lambda stored: stored.reason,
    ),
    Approvable(
        verb=CLOSE,
        permission=MODERATE,
        meaning="Close a player's account.",
        command=StoredChange,
        show=_show,
        act=_close,
        after=_after,
        answer=_answer,
        sealed=lambda stored: stored.reason,
    ),
)
