"""Suspend, reinstate and close players: at once on every worker, in the commit that says so."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

import msgspec
import structlog

from guildbank.approvals import FourEyes, gate, waits_for
from guildbank.identity.contracts.lives import (
    NO_CHANGE,
    NOT_SUSPENDED,
    UNTIL_PAST,
    Follower,
    Standing,
)
from guildbank.identity.contracts.players import (
    NO_PLAYER,
    PLAYER_CLOSED,
    UNKNOWN_PLAYER,
    Player,
    PlayerState,
)
from guildbank.identity.store.lives import ENDING, STANDINGS, over, standing_of
from guildbank.identity.store.players import PLAYERS
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.players.read_players import get_player
from guildbank.infra.busy_tenants import busy_tenants
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, RowLock, Sealed, Stage, facts
from guildbank.kernel import Refusal, parse_id

log = structlog.get_logger(__name__)

SUSPENDED = "identity.player_suspended"
REINSTATED = "identity.player_reinstated"
CLOSED = "identity.player_closed"
LONGEST = timedelta(days=3_653)
AT_ONCE = 500
SYSTEM = "system"


class ChangeState(Act):
    """Changes a player's state, ends their sessions, and lets all rooms follow.

    The player's row is locked first: a session that begins meanwhile is seen and ended, or sees
    the new state and does not begin.
    """

    verb: ClassVar[str] = "identity.change_state"
    rounds: ClassVar[int] = 2
    to: ClassVar[PlayerState]
    kind: ClassVar[str]
    __slots__ = ("_followers", "player_id", "reason", "until")

    def __init__(
        self,
        principal: str,
        player_id: str,
        followers: Sequence[Follower],
        reason: Sealed | None = None,
        until: datetime | None = None,
    ) -> None:
        super().__init__(principal)
        self.player_id = player_id
        self.reason = reason
        self.until = until
        self._followers = followers

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return the player's row."""
        return (RowLock(IDENTITY_ORDER, "identity_player", self.player_id),)

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the player, the standing, and what the rooms above read."""
        yield PLAYERS, self.player_id
        yield STANDINGS, self.player_id
        for follower in self._followers:
            yield from follower.needs(stage, self.player_id)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Change the state, or say why not."""
        player = stage.get(PLAYERS, self.player_id)
        if player is None or player.state == "erased":
            return NO_PLAYER
        refusal = self.judge(player, stage.get(STANDINGS, self.player_id))
        if refusal is not None:
            return refusal
        stage.put(PLAYERS, player.id, self.after(player))
        stage.put(STANDINGS, player.id, self._standing(stage))
        for follower in self._followers:
            follower.follow(stage, player.id, self.to)
        told = {"playerId": player.id, "before": player.state, "until": self.until}
        payload = {} if self.reason is None else {"payload": self.reason.hash}
        return Draft(self.kind, facts({**told, **payload}), self.reason)

    def after(self, player: Player) -> Player:
        """Return the player as they are afterwards."""
        return msgspec.structs.replace(player, state=self.to)

    def judge(self, player: Player, before: Standing | None) -> Refusal | None:
        """Return why the change cannot be, else None."""
        raise NotImplementedError

    def _standing(self, stage: Stage) -> Standing:
        sealed = None if self.reason is None else self.reason.ciphertext
        return Standing(
            player_id=self.player_id, state=self.to, principal=self.principal, since=stage.now,
            until=self.until, sealed=sealed,
        )  # fmt: skip


class Suspend(ChangeState):
    """Bars a player for a time or until reinstated; again, to change the reason or the end."""

    to = "suspended"
    kind = SUSPENDED
    __slots__ = ()

    def judge(self, player: Player, before: Standing | None) -> Refusal | None:
        """Refuse a closed player: `player_closed`."""
        return PLAYER_CLOSED if player.state == "closed" else None


class Reinstate(ChangeState):
    """Makes a player active again. With `due` only while that is still the suspension's end."""

    to = "active"
    kind = REINSTATED
    __slots__ = ("due",)

    def __init__(
        self,
        principal: str,
        player_id: str,
        followers: Sequence[Follower],
        due: datetime | None = None,
    ) -> None:
        super().__init__(principal, player_id, followers)
        self.due = due

    def judge(self, player: Player, before: Standing | None) -> Refusal | None:
        """Refuse an active player: `not_suspended`."""
        if player.state == "active":
            return NOT_SUSPENDED
        moved = before is None or before.until != self.due
        return NO_CHANGE if self.due is not None and moved else None


class Close(ChangeState):
    """Ends a player's account; what was begun is still settled."""

    to = "closed"
    kind = CLOSED
    __slots__ = ()

    def judge(self, player: Player, before: Standing | None) -> Refusal | None:
        """Refuse what is closed: nothing is to be changed."""
        return NO_CHANGE if player.state == "closed" else None


async def suspend_player(
    identity: Identity,
    tenant: TenantRef,
    principal: str,
    player_id: str,
    reason: str,
    until: datetime | None = None,
) -> Player | Refusal:
    """Return the player, who is suspended and signed out everywhere when this returns.

    Refusals: those of `suspension`. Raises Unavailable.
    """
    act = await suspension(identity, tenant, principal, player_id, reason, until)
    return act if isinstance(act, Refusal) else await change(identity, tenant, act)


async def suspension(
    identity: Identity,
    tenant: TenantRef,
    principal: str,
    player_id: str,
    reason: str,
    until: datetime | None = None,
) -> Suspend | Refusal:
    """Return the act that suspends a player.

    The reason is kept under the person's key. Refusals: `not_found`, `player_closed`,
    `out_of_range` (until), `tenant_suspended`.
    """
    now = identity.clock.now()
    if until is not None and not now < until <= now + LONGEST:
        return UNTIL_PAST
    sealed = await seal_reason(identity, tenant, player_id, reason)
    if isinstance(sealed, Refusal):
        return sealed
    return Suspend(principal, player_id, identity.followers, sealed, until)


async def reinstate_player(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str
) -> Player | Refusal:
    """Return the player, who is active again; sessions that ended stay so.

    Refusals: `not_found`, `not_suspended`, `tenant_suspended`. Raises Unavailable.
    """
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    return await change(identity, tenant, Reinstate(principal, player_id, identity.followers))


async def close_player(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str, reason: str | None = None
) -> Player | Refusal:
    """Return the player, whose account is closed and who is signed out everywhere.

    Closing again changes nothing. Refusals: `not_found`, `tenant_suspended`. Raises Unavailable.
    """
    act = await closing(identity, tenant, principal, player_id, reason)
    return act if isinstance(act, Refusal) else await change(identity, tenant, act)


async def closing(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str, reason: str | None = None
) -> Close | Refusal:
    """Return the act that closes a player's account. Refusals: `not_found`, `tenant_suspended`."""
    sealed: Sealed | None = None
    if reason is not None:
        found = await seal_reason(identity, tenant, player_id, reason)
        if isinstance(found, Refusal):
            return found
        sealed = found
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    return Close(principal, player_id, identity.followers, sealed)


async def read_standing(
    identity: Identity, tenant: TenantRef, player_id: str
) -> tuple[Player, Standing | None, str | None] | Refusal:
    """Return the player, what was decided of them last, and its reason; or `not_found`."""
    player = await get_player(identity, tenant, player_id)
    if isinstance(player, Refusal):
        return player
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await standing_of(tx.driver, player_id)
    sealed = None if found is None else found.sealed
    opened = None if sealed is None else await identity.persons.reveal(tenant, player_id, sealed)
    return player, found, None if opened is None else msgspec.json.decode(opened)["reason"]


async def lift_suspensions(identity: Identity) -> None:
    """Reinstate the players of all tenants whose time is over."""

    async def of_one(tenant: TenantRef) -> None:
        await lift_in(identity, tenant)

    tenants = await busy_tenants(identity.db, await identity.tenants.all(), ENDING)
    await each_tenant(tenants, of_one, "suspensions_not_lifted")


async def lift_in(identity: Identity, tenant: TenantRef) -> None:
    """Reinstate the players of one tenant whose time is over."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await over(tx.driver, identity.clock.now(), AT_ONCE)
    for player_id, due in found:
        act = Reinstate(SYSTEM, player_id, identity.followers, due)
        lifted = await change(identity, tenant, act)
        if isinstance(lifted, Refusal):
            log.warning("suspension_not_lifted", player=player_id, code=lifted.code)


async def seal_reason(
    identity: Identity, tenant: TenantRef, player_id: str, reason: str
) -> Sealed | Refusal:
    """Return the reason under the person's key; `not_found`, `tenant_suspended`."""
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    payload = msgspec.json.encode({"reason": reason})
    sealed = await identity.persons.seal(tenant, player_id, payload)
    return NO_PLAYER if sealed == UNKNOWN_PLAYER else sealed


class StoredChange(msgspec.Struct, frozen=True):
    """A suspension, or the end of an account, as it waits for a second person."""

    player_id: str
    reason: Sealed | None = None
    until: datetime | None = None


async def change_or_store(
    identity: Identity,
    four_eyes: FourEyes,
    tenant: TenantRef,
    act: ChangeState,
    verb: str,
) -> Player | Outcome:
    """Return what `change` does, or the outcome of a command that waits for a second person."""
    stored = StoredChange(act.player_id, act.reason, act.until)
    gated = await gate(four_eyes, tenant, act, verb, stored)
    outcome = await _submit(identity, tenant, act.player_id, gated)
    if waits_for(outcome) is None and not _barred(outcome):
        return await get_player(identity, tenant, act.player_id)
    return outcome


async def change(identity: Identity, tenant: TenantRef, act: ChangeState) -> Player | Refusal:
    """Submit the act; every worker has heard of it when this returns."""
    outcome = await _submit(identity, tenant, act.player_id, act)
    if isinstance(outcome, Refusal) and _barred(outcome):
        return outcome
    return await get_player(identity, tenant, act.player_id)


def _barred(outcome: Outcome) -> bool:
    """Say whether it did not happen, and was not so already."""
    return isinstance(outcome, Refusal) and outcome.code != NO_CHANGE.code


async def _submit(identity: Identity, tenant: TenantRef, player_id: str, act: Act) -> Outcome:
    expected = identity.standings.expect(tenant, player_id)
    told = False
    try:
        outcome = await identity.journal.submit(tenant.schema, act)
        told = not isinstance(outcome, Refusal) and waits_for(outcome) is None
    finally:
        await identity.standings.settle(tenant, player_id, expected, told=told)
    return outcome
