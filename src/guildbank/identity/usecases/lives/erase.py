"""Forget a person: one commit after which nobody can tell who it was, then a sweep of all rooms.

The commit destroys the person's key, so that whatever was sealed for them is unreadable, and the
journal keeps every entry. The sweep clears rows away that named the person; a crash between the
two is made up for by a job.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import msgspec
import structlog

from guildbank.identity.contracts.events import ERASURE_REQUESTED, ERASURE_UNDONE
from guildbank.identity.contracts.lives import (
    ERASURE_ASKED,
    NO_CHANGE,
    NO_ERASURE,
    Erasure,
    Follower,
    Standing,
)
from guildbank.identity.contracts.players import NO_PLAYER, TENANT_SUSPENDED, Player
from guildbank.identity.store import erasures as store
from guildbank.identity.store.erasures import ERASURES, Obstacles
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.lives.change_state import ChangeState, change
from guildbank.identity.usecases.players.read_players import get_player
from guildbank.identity.usecases.sign_in.keep_session import end_sessions
from guildbank.infra.database import Tx
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.room import Obstacle
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Recorder, Stage
from guildbank.kernel import Refusal, parse_id
from guildbank.notify import address_hashes

log = structlog.get_logger(__name__)

ERASED = "identity.player_erased"
HELD_CODE = "erasure_held"
LONGEST_WAIT_DAYS = 90
AT_ONCE = 100
NEXT_TRY = timedelta(hours=1)


class Erase(ChangeState):
    """Makes the player unknown, if the request still waits and nothing stands against it."""

    to = "erased"
    kind = ERASED
    # A refund that was begun in the same batch stands against it too.
    goes_last = True
    __slots__ = ("_obstacles",)

    def __init__(
        self,
        principal: str,
        player_id: str,
        followers: Sequence[Follower],
        obstacles: Sequence[Obstacle],
    ) -> None:
        super().__init__(principal, player_id, followers)
        self._obstacles = Obstacles(obstacles)

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name further the request, and what may stand against it."""
        yield from super().needs(stage)
        yield ERASURES, self.player_id
        yield self._obstacles, self.player_id

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Erase; `erasure_held` names what it waits for, `no_change` means that it was undone."""
        asked = stage.get(ERASURES, self.player_id)
        if asked is None or asked.erased_at is not None:
            return NO_CHANGE
        held = stage.get(self._obstacles, self.player_id) or ()
        if held:
            return held_by(held)
        draft = super().decide(stage)
        if isinstance(draft, Draft):
            done = msgspec.structs.replace(asked, erased_at=stage.now)
            stage.put(ERASURES, self.player_id, done)
        return draft

    def after(self, player: Player) -> Player:
        """Return the player without the game's id, which may be a name."""
        return msgspec.structs.replace(player, state=self.to, external_id=None)

    def judge(self, player: Player, before: Standing | None) -> Refusal | None:
        """Let players of every state be erased."""
        return None


async def request_erasure(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str, wait: timedelta
) -> Erasure | Refusal:
    """Return the request of a machine, done already where it has not to wait.

    Asked again, the newer request stands. Refusals: `not_found`, `erasure_held`,
    `tenant_suspended`. Raises Unavailable.
    """
    asked = await _ask(identity, tenant, principal, player_id, wait, own=False)
    if isinstance(asked, Refusal) or wait:
        return asked
    return await _erase(identity, tenant, asked)


async def erase_asked(identity: Identity, tenant: TenantRef, asked: Erasure) -> None:
    """Go on with a request whose commit is done, where it has not to wait.

    What came between is made up for by the job, as after a crash.
    """
    if asked.due_at <= asked.requested_at:
        await _erase(identity, tenant, asked)


async def request_own_erasure(
    identity: Identity, tenant: TenantRef, player_id: str
) -> Erasure | Refusal:
    """Return the player's own request. They are signed out; signing in again undoes it.

    What the person is not told of, such as a legal hold, lets it wait and is not named.
    Refusals: `not_found`, `erasure_held`, `erasure_waiting`, `tenant_suspended`.
    """
    settings = await identity.tenants.settings(tenant.id)
    days = 14 if settings is None else settings.erasure_wait_days
    wait = timedelta(days=days)
    asked = await _ask(identity, tenant, player_id, player_id, wait, own=True)
    if isinstance(asked, Refusal):
        return asked
    await end_sessions(identity, tenant, player_id)
    if wait:
        return asked
    erased = await _erase(identity, tenant, asked)
    if isinstance(erased, Refusal) and erased.code == HELD_CODE:
        told = _told(identity, msgspec.convert(erased.extra["heldBy"], tuple[str, ...]))
        return held_by(told) if told else asked
    return erased


async def undo_erasure(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str
) -> Refusal | None:
    """Take back a request that still waits, whoever made it; `not_found`, `tenant_suspended`."""
    if parse_id("player", player_id) is None:
        return NO_ERASURE
    if tenant.state != "active":
        return TENANT_SUSPENDED
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        await hold_player(tx.driver, player_id)
        if not await store.undo(tx.driver, player_id):
            return NO_ERASURE
        await recorder.record(tx, principal, ERASURE_UNDONE, {"playerId": player_id})
    return None


async def list_erased(
    identity: Identity, tenant: TenantRef, after: str, limit: int
) -> list[Erasure]:
    """Return who was erased and when: a restored database needs to be told again."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await store.done_page(tx.driver, after, limit)


async def erase_due(identity: Identity) -> None:
    """Erase whose time has come and sweep what was left, tenant by tenant."""

    async def of_one(tenant: TenantRef) -> None:
        await _erase_all(identity, tenant)

    await each_tenant(await identity.tenants.all(), of_one, "erasures_not_done")


async def _erase_all(identity: Identity, tenant: TenantRef) -> None:
    now = identity.clock.now()
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        due = await store.open_ones(tx.driver, now, AT_ONCE)
    for asked in due:
        try:
            outcome = await _erase(identity, tenant, asked)
        except Exception as error:  # it is tried again at the next run
            log.exception("erasure_failed", player=asked.player_id, error=repr(error))
            continue
        if isinstance(outcome, Refusal) and outcome.code == HELD_CODE:
            log.info("erasure_put_off", player=asked.player_id, **outcome.extra)
            async with identity.db.begin(tenant.schema) as tx:
                await store.put_off(tx.driver, asked.player_id, now + NEXT_TRY)


async def _ask(
    identity: Identity,
    tenant: TenantRef,
    principal: str,
    player_id: str,
    wait: timedelta,
    *,
    own: bool,
) -> Erasure | Refusal:
    asked = await prepare_erasure(identity, tenant, principal, player_id, wait, own=own)
    if isinstance(asked, Refusal):
        return asked
    recorder = await identity.recorder(tenant)
    async with identity.db.begin(tenant.schema) as tx:
        return await ask_within(identity, recorder, tx, asked)


async def prepare_erasure(
    identity: Identity,
    tenant: TenantRef,
    principal: str,
    player_id: str,
    wait: timedelta,
    *,
    own: bool = False,
) -> Erasure | Refusal:
    """Return the request that `ask_within` is to keep. `not_found`, `tenant_suspended`."""
    player = await get_player(identity, tenant, player_id)
    if isinstance(player, Refusal):
        return player
    if player.state == "erased":
        return NO_PLAYER
    if tenant.state != "active":
        return TENANT_SUSPENDED
    now = identity.clock.now()
    return Erasure(
        player_id=player_id, own=own, principal=principal, requested_at=now, due_at=now + wait
    )


async def ask_within(
    identity: Identity, recorder: Recorder, tx: Tx, asked: Erasure
) -> Erasure | Refusal:
    """Keep a request in the caller's transaction, which is not to commit a refusal."""
    # The row that an erasure locks first, too: one that is done now would lock the journal before
    # the request, which is locked here before the journal.
    if await hold_player(tx.driver, asked.player_id) is None:
        return NO_PLAYER
    held = await store.standing_obstacles(tx.driver, identity.obstacles, asked.player_id)
    if asked.own:
        held = _told(identity, held)
    if held:
        return held_by(held)
    if asked.own and await store.erasure_of(tx.driver, asked.player_id) is not None:
        return ERASURE_ASKED
    await store.add(tx.driver, asked)
    told = {"playerId": asked.player_id, "dueAt": asked.due_at}
    await recorder.record(tx, asked.principal, ERASURE_REQUESTED, told)
    return asked


def _told(identity: Identity, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of what stands against an erasure that the person may hear of."""
    told = {one.name for one in identity.obstacles if one.told}
    return tuple(name for name in names if name in told)


async def _erase(identity: Identity, tenant: TenantRef, asked: Erasure) -> Erasure | Refusal:
    """Erase a person and sweep; what was done before is not done again."""
    if asked.erased_at is None:
        act = Erase(asked.principal, asked.player_id, identity.followers, identity.obstacles)
        outcome = await change(identity, tenant, act)
        if isinstance(outcome, Refusal):
            return outcome
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.erasure_of(tx.driver, asked.player_id)
    if found is None or found.erased_at is None:
        return NO_ERASURE
    await _sweep(identity, tenant, asked.player_id)
    return found


async def _sweep(identity: Identity, tenant: TenantRef, player_id: str) -> None:
    """Clear away what every room knew of the person, in one transaction."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        known = await store.addresses(tx.driver, player_id)
    hashes = await address_hashes(identity.notify, tenant, known)
    async with identity.db.begin(tenant.schema) as tx:
        for one in identity.personal:
            for statement in one.erase:
                await tx.driver.execute(statement, hashes if one.by == "address" else player_id)
        await store.swept(tx.driver, player_id, identity.clock.now())


def held_by(names: Sequence[str]) -> Refusal:
    """Return the refusal that names what an erasure waits for."""
    return Refusal(
        code=HELD_CODE,
        detail=f"The person cannot be erased yet: {', '.join(names)}.",
        extra={"heldBy": list(names)},
    )
