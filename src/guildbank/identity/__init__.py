"""Who calls: machine keys, players and the tokens of both.

Other rooms put `(PLAYERS, player_id)` among an act's needs and refuse `UNKNOWN_PLAYER` when the
stage has no such row.
"""

from guildbank.identity.contracts import UNKNOWN_PLAYER, Key, NewKey, Player, PlayerToken, Profile
from guildbank.identity.store.players import PLAYERS
from guildbank.identity.usecases import Identity, open_identity
from guildbank.identity.usecases.add_player import AddPlayer, add_player
from guildbank.identity.usecases.authenticate import Authenticator
from guildbank.identity.usecases.create_key import create_key
from guildbank.identity.usecases.end_key import revoke_key, rotate_key
from guildbank.identity.usecases.list_keys import list_keys
from guildbank.identity.usecases.mint_token import mint_player_token
from guildbank.identity.usecases.read_players import (
    find_player,
    get_player,
    get_profile,
    list_players,
)
from guildbank.identity.usecases.seal import Persons

__all__ = [
    "PLAYERS",
    "UNKNOWN_PLAYER",
    "AddPlayer",
    "Authenticator",
    "Identity",
    "Key",
    "NewKey",
    "Persons",
    "Player",
    "PlayerToken",
    "Profile",
    "add_player",
    "create_key",
    "find_player",
    "get_player",
    "get_profile",
    "list_keys",
    "list_players",
    "mint_player_token",
    "open_identity",
    "revoke_key",
    "rotate_key",
]
