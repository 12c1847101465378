"""What is done to players, as it waits for a second person; with what is done to staff and keys."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from guildbank.approvals import Approvable, Change
from guildbank.identity.contracts.lives import Erasure
from guildbank.identity.http.keys_approvable import APPROVABLES as OF_KEYS
from guildbank.identity.http.operators.approvable import APPROVABLES as OF_STAFF
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.clear_factors import StoredClearing, clearing
from guildbank.identity.usecases.lives.change_state import Close, StoredChange, Suspend
from guildbank.identity.usecases.lives.erase import ask_within, erase_asked, prepare_erasure
from guildbank.identity.usecases.lives.hold import lift_within
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Receipt
from guildbank.kernel import Refusal

MODERATE, ERASE = "players:moderate", "players:erase"
SUSPEND, CLOSE, ERASE_PERSON = "players.suspend", "players.close", "players.erase"
CLEAR_FACTORS, LIFT_HOLD = "players.clear_factors", "players.lift_legal_hold"


class LiftHold(msgspec.Struct, frozen=True, rename="camel"):
    """Which legal hold to end, and whose."""

    player_id: str
    hold_id: str


class ErasePerson(msgspec.Struct, frozen=True, rename="camel"):
    """Whom to forget, and in how many days."""

    player_id: str
    wait_days: int


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


async def _erase(
    services: Any, tenant: TenantRef | None, by: str, command: ErasePerson
) -> Change | Refusal:
    """Keep the request in the commit that consumes the approval; the erasure itself follows."""
    assert tenant is not None
    identity, wait = services.identity, timedelta(days=command.wait_days)
    ready = await prepare_erasure(identity, tenant, by, command.player_id, wait)
    if isinstance(ready, Refusal):
        return ready
    asked: Erasure = ready
    recorder = await identity.recorder(tenant)

    async def make(tx: Tx) -> Erasure | Refusal:
        return await ask_within(identity, recorder, tx, asked)

    async def then() -> None:
        await erase_asked(identity, tenant, asked)

    return Change(make=make, then=then)


async def _clear(
    services: Any, tenant: TenantRef | None, by: str, stored: StoredClearing
) -> Act | Refusal:
    assert tenant is not None
    return await clearing(services.identity, tenant, by, stored)


async def _lift(
    services: Any, tenant: TenantRef | None, by: str, command: LiftHold
) -> Change | Refusal:
    assert tenant is not None
    identity: Identity = services.identity
    recorder, player_id, hold_id = (
        await identity.recorder(tenant),
        command.player_id,
        command.hold_id,
    )

    async def make(tx: Tx) -> Refusal | None:
        return await lift_within(identity, recorder, tx, by, player_id, hold_id)

    return Change(make=make)


def _show(stored: StoredChange) -> Mapping[str, Any]:
    until: datetime | None = stored.until
    return {"playerId": stored.player_id, "until": None if until is None else until.isoformat()}


def _answer(receipt: Receipt) -> Mapping[str, str]:
    return {"id": _TOLD.decode(receipt.data).player_id}


APPROVABLES = (
    *OF_STAFF,
    *OF_KEYS,
    Approvable(
        verb=ERASE_PERSON,
        permission=ERASE,
        meaning="Erase a person.",
        command=ErasePerson,
        show=msgspec.to_builtins,
        change=_erase,
        answer=lambda receipt: msgspec.json.decode(receipt.data),
    ),
    Approvable(
        verb=CLEAR_FACTORS,
        permission="players:factors",
        meaning="Remove the second factors that a player lost.",
        command=StoredClearing,
        show=lambda stored: {"playerId": stored.player_id},
        act=_clear,
        after=_after,
        sealed=lambda stored: stored.reason,
    ),
    Approvable(
        verb=LIFT_HOLD,
        permission="players:legal_hold",
        meaning="Lift a legal hold.",
        command=LiftHold,
        show=msgspec.to_builtins,
        change=_lift,
    ),
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
