"""Add a player by the game's own id; asking again finds the same player."""

from collections.abc import Iterable
from typing import ClassVar

from guildbank.identity.contracts.players import CHANGED_MEANWHILE, Player
from guildbank.identity.store.players import (
    PLAYERS,
    PLAYERS_BY_EXTERNAL,
    player_by_external_id,
)
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id

PLAYER_CREATED = "identity.player_created"
_EXISTS = "player_exists"


class AddPlayer(Act):
    """Adds a player unless the game's id is known under the journal's lock."""

    verb: ClassVar[str] = "identity.add_player"
    __slots__ = ("external_id", "player_id")

    def __init__(self, principal: str, external_id: str) -> None:
        super().__init__(principal)
        self.external_id = external_id
        self.player_id = new_id("player")

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the player by both ids."""
        return ((PLAYERS_BY_EXTERNAL, self.external_id), (PLAYERS, self.player_id))

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Add the player, or say who has the id."""
        if stage.get(PLAYERS_BY_EXTERNAL, self.external_id) is not None:
            return Refusal(code=_EXISTS, detail="The game's id is known.", field="externalId")
        player = Player(self.player_id, self.external_id, "active", stage.now)
        stage.put(PLAYERS_BY_EXTERNAL, self.external_id, player)
        stage.put(PLAYERS, self.player_id, player)
        # The game's id may be a name or an address: it stays out of the chain.
        return Draft(PLAYER_CREATED, facts({"playerId": self.player_id}))


async def add_player(
    identity: Identity, tenant: TenantRef, principal: str, external_id: str
) -> tuple[Player, bool] | Refusal:
    """Return the player and whether it is new.

    Refusals, for a new player only: `tenant_suspended`, and `changed_meanwhile` where somebody
    added the player and erased them in the same moment. Raises Unavailable.
    """
    found = await _find(identity, tenant, external_id)
    if found is not None:
        return found, False
    act = AddPlayer(principal, external_id)
    outcome = await identity.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal):
        if outcome.code != _EXISTS:
            return outcome
        # Someone else added the player between the look and the lock.
        found = await _find(identity, tenant, external_id)
        return CHANGED_MEANWHILE if found is None else (found, False)
    return Player(act.player_id, external_id, "active", outcome.at), True


async def _find(identity: Identity, tenant: TenantRef, external_id: str) -> Player | None:
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await player_by_external_id(tx.driver, external_id)
