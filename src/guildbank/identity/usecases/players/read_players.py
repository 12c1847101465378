"""Read players, by either id or page by page."""

from guildbank.identity.contracts.players import NO_PLAYER, Player, Profile
from guildbank.identity.store.accounts import read_profile
from guildbank.identity.store.players import player_by_external_id, player_page, players_by_id
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id


async def get_player(identity: Identity, tenant: TenantRef, player_id: str) -> Player | Refusal:
    """Return a player of this tenant, or `not_found`."""
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await players_by_id(tx.driver, [player_id])
    return found[0] if found else NO_PLAYER


async def find_player(identity: Identity, tenant: TenantRef, external_id: str) -> Player | None:
    """Return the player whom the game calls so."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await player_by_external_id(tx.driver, external_id)


async def list_players(
    identity: Identity, tenant: TenantRef, after: str = "", limit: int = 50
) -> list[Player]:
    """Return players whose id is greater than `after`, oldest first."""
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await player_page(tx.driver, after, limit)


async def get_profile(identity: Identity, tenant: TenantRef, player_id: str) -> Profile | Refusal:
    """Return what is known of a player of this tenant, or `not_found`."""
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await read_profile(tx.driver, player_id) or NO_PLAYER
