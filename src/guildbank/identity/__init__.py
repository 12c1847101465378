"""Who calls: machine keys, players and the tokens of both.

Other rooms put `(PLAYERS, player_id)` among an act's needs and refuse `UNKNOWN_PLAYER` when the
stage has no such row.
"""

from guildbank.identity.contracts.lives import Follower
from guildbank.identity.contracts.machines import Key, NewKey
from guildbank.identity.contracts.operators import OWNER, Operator, Permissions
from guildbank.identity.contracts.players import (
    UNKNOWN_PLAYER,
    Player,
    PlayerState,
    Profile,
    barred_by,
)
from guildbank.identity.contracts.sign_in import PlayerToken, SigningKeyState
from guildbank.identity.rules import SIGNS_FOR
from guildbank.identity.store.changes import CREDENTIAL_CHANGES
from guildbank.identity.store.external import account_elsewhere
from guildbank.identity.store.players import PLAYERS
from guildbank.identity.store.profiles import AgeConfirmation, age_of
from guildbank.identity.usecases import Identity, open_identity
from guildbank.identity.usecases.authenticate import Authenticator
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.factors.require_factor import require_factor
from guildbank.identity.usecases.lives.profile import change_profile
from guildbank.identity.usecases.machines.create_key import create_key
from guildbank.identity.usecases.machines.end_key import revoke_key, rotate_key
from guildbank.identity.usecases.machines.list_keys import list_keys
from guildbank.identity.usecases.operators.by_host import create_operator, find_operator
from guildbank.identity.usecases.operators.change_operator import list_operators
from guildbank.identity.usecases.operators.change_operator import set_state as set_operator_state
from guildbank.identity.usecases.operators.clear_factors import (
    clear_factors as clear_operator_factors,
)
from guildbank.identity.usecases.operators.holders import holders_of
from guildbank.identity.usecases.operators.invite import make_link as make_operator_link
from guildbank.identity.usecases.operators.rights import StaffRights
from guildbank.identity.usecases.operators.staff import Plane, party_at
from guildbank.identity.usecases.players.add_player import AddPlayer, add_player
from guildbank.identity.usecases.players.mint_token import mint_player_token
from guildbank.identity.usecases.players.read_players import (
    find_player,
    get_player,
    get_profile,
    list_players,
)
from guildbank.identity.usecases.players.seal import Persons

__all__ = [
    "CREDENTIAL_CHANGES",
    "OWNER",
    "PLAYERS",
    "SIGNS_FOR",
    "UNKNOWN_PLAYER",
    "AddPlayer",
    "AgeConfirmation",
    "Authenticator",
    "ExternalSignIn",
    "Follower",
    "Identity",
    "Key",
    "NewKey",
    "Operator",
    "Permissions",
    "Persons",
    "Plane",
    "Player",
    "PlayerState",
    "PlayerToken",
    "Profile",
    "SigningKeyState",
    "StaffRights",
    "account_elsewhere",
    "add_player",
    "age_of",
    "barred_by",
    "change_profile",
    "clear_operator_factors",
    "create_key",
    "create_operator",
    "find_operator",
    "find_player",
    "get_player",
    "get_profile",
    "holders_of",
    "list_keys",
    "list_operators",
    "list_players",
    "make_operator_link",
    "mint_player_token",
    "open_identity",
    "party_at",
    "require_factor",
    "revoke_key",
    "rotate_key",
    "set_operator_state",
]
