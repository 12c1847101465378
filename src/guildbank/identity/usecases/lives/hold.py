"""Place and lift legal holds, for which no erasure goes on."""

from datetime import datetime

import msgspec

from guildbank.identity.contracts.events import HOLD_LIFTED, HOLD_PLACED
from guildbank.identity.contracts.lives import NO_HOLD, UNTIL_PAST, LegalHold
from guildbank.identity.contracts.players import NO_PLAYER, TENANT_SUSPENDED
from guildbank.identity.store import erasures as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.lives.change_state import LONGEST, seal_reason
from guildbank.identity.usecases.players.read_players import get_player
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Recorder
from guildbank.kernel import Refusal, new_id, parse_id

MAX_HOLDS = 200


async def place_hold(
    identity: Identity,
    tenant: TenantRef,
    principal: str,
    player_id: str,
    reason: str,
    until: datetime | None = None,
) -> LegalHold | Refusal:
    """Return a new hold, which stands until `until` or until it is lifted.

    Refusals: `not_found`, `out_of_range` (until), `tenant_suspended`.
    """
    now = identity.clock.now()
    if until is not None and not now < until <= now + LONGEST:
        return UNTIL_PAST
    if tenant.state != "active":
        return TENANT_SUSPENDED
    sealed = await seal_reason(identity, tenant, player_id, reason)
    if isinstance(sealed, Refusal):
        return sealed
    hold = LegalHold(
        id=new_id("lgh"), player_id=player_id, reason=reason, placed_by=principal, placed_at=now,
        until=until, lifted_at=None, lifted_by=None,
    )  # fmt: skip
    recorder = await identity.recorder(tenant)
    told = {"playerId": player_id, "holdId": hold.id, "until": until}
    async with identity.db.begin(tenant.schema) as tx:
        if not await store.add_hold(tx.driver, hold, sealed.ciphertext):
            return NO_PLAYER
        # Not under the person's key, whose words stand in the copy that players get of their data.
        await recorder.record(tx, principal, HOLD_PLACED, told, after={"reason": reason})
    return hold


async def lift_hold(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str, hold_id: str
) -> Refusal | None:
    """End a hold of the player that stands; else `not_found`, or `tenant_suspended`."""
    if parse_id("lgh", hold_id) is None or parse_id("player", player_id) is None:
        return NO_HOLD
    if tenant.state != "active":
        return TENANT_SUSPENDED
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        return await lift_within(identity, recorder, tx, principal, player_id, hold_id)


async def lift_within(
    identity: Identity, recorder: Recorder, tx: Tx, principal: str, player_id: str, hold_id: str
) -> Refusal | None:
    """Do what `lift_hold` does in the caller's transaction."""
    now = identity.clock.now()
    if not await store.lift_hold(tx.driver, hold_id, player_id, now, principal):
        return NO_HOLD
    told = {"playerId": player_id, "holdId": hold_id}
    await recorder.record(tx, principal, HOLD_LIFTED, told)
    return None


async def list_holds(
    identity: Identity, tenant: TenantRef, player_id: str
) -> list[LegalHold] | Refusal:
    """Return the player's holds, the newest first, with those that were lifted; or `not_found`."""
    player = await get_player(identity, tenant, player_id)
    if isinstance(player, Refusal):
        return player
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.holds(tx.driver, player_id, MAX_HOLDS)
    shown = []
    for hold, sealed in found:
        opened = await identity.persons.reveal(tenant, player_id, sealed)
        reason = None if opened is None else msgspec.json.decode(opened)["reason"]
        shown.append(msgspec.structs.replace(hold, reason=reason))
    return shown
