"""Mint a token for a player, which the game server hands to the player's client."""

from guildbank.identity.contracts.players import NO_PLAYER, barred_by
from guildbank.identity.contracts.sign_in import PlayerToken
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.hooks.ask import ask_before_token
from guildbank.identity.usecases.players.read_players import get_player
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


async def mint_player_token(
    identity: Identity, tenant: TenantRef, player_id: str, country: str | None = None
) -> PlayerToken | Refusal:
    """Return a token of ten minutes, by which the player buys at the prices of `country`.

    Refusals: `not_found` (unknown or erased), `player_suspended`, `player_closed`, `hook_refused`,
    `hook_unavailable`.
    """
    player = await get_player(identity, tenant, player_id)
    if isinstance(player, Refusal):
        return player
    if player.state == "erased":
        return NO_PLAYER
    if (barred := barred_by(player.state)) is not None:
        return barred
    claims = await ask_before_token(identity, tenant, player_id, "game_server")
    if isinstance(claims, Refusal):
        return claims
    return await identity.tokens.mint(tenant, player_id, country, ext=claims)
