"""Who calls: machine keys, players and the tokens of both."""

from guildbank.identity.contracts import UNKNOWN_PLAYER, Key, NewKey, Player, PlayerToken
from guildbank.identity.store import PLAYERS

__all__ = ["PLAYERS", "UNKNOWN_PLAYER", "Key", "NewKey", "Player", "PlayerToken"]
