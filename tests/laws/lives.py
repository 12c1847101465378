"""What becomes of players, as the simulation draws it and the real use cases do it."""

from dataclasses import dataclass, replace
from datetime import timedelta

from tests.laws.purchases import Deed, Till
from tests.laws.world import World

from guildbank.identity.usecases.lives.change_state import (
    close_player,
    lift_in,
    reinstate_player,
    suspend_player,
)
from guildbank.identity.usecases.lives.erase import request_erasure
from guildbank.kernel import Refusal

NOW = timedelta()


@dataclass(frozen=True)
class OnPlayer(Deed):
    """A decision on a player."""

    player: int
    player_id: str = ""

    def aimed(self, world: World) -> "OnPlayer":
        return replace(self, player_id=world.player(self.player))


@dataclass(frozen=True)
class SuspendPlayer(OnPlayer):
    """`seconds` None is until somebody reinstates the player."""

    seconds: int | None = None

    async def send(self, till: Till, key: str) -> Refusal | None:
        now = till.identity.clock.now()
        until = None if self.seconds is None else now + timedelta(seconds=self.seconds)
        done = await suspend_player(
            till.identity, till.tenant, till.principal, self.player_id, "rude to Bob", until
        )
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.register.suspend_refusal(self.player_id)


@dataclass(frozen=True)
class ReinstatePlayer(OnPlayer):
    async def send(self, till: Till, key: str) -> Refusal | None:
        done = await reinstate_player(till.identity, till.tenant, till.principal, self.player_id)
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.register.reinstate_refusal(self.player_id)


@dataclass(frozen=True)
class ClosePlayer(OnPlayer):
    async def send(self, till: Till, key: str) -> Refusal | None:
        done = await close_player(
            till.identity, till.tenant, till.principal, self.player_id, "left for Bob"
        )
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.register.close_refusal(self.player_id)


@dataclass(frozen=True)
class ErasePlayer(OnPlayer):
    async def send(self, till: Till, key: str) -> Refusal | None:
        await till.keep_payloads(self.player_id)
        done = await request_erasure(
            till.identity, till.tenant, till.principal, self.player_id, NOW
        )
        return done if isinstance(done, Refusal) else None

    def refusal(self, world: World) -> str | None:
        return world.register.erase_refusal(world, self.player_id)


@dataclass(frozen=True)
class LiftSuspensions(Deed):
    """What the worker does with suspensions whose time is over."""

    async def send(self, till: Till, key: str) -> Refusal | None:
        await lift_in(till.identity, till.tenant)
        return None
