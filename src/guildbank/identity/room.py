"""What the identity room publishes to the app."""

from guildbank.identity.http import ROUTES
from guildbank.identity.usecases.add_player import PLAYER_CREATED
from guildbank.infra.http import Code
from guildbank.infra.room import Room

ROOM = Room(
    name="identity",
    routes=ROUTES,
    scopes={
        "keys:read": "List the keys of the tenant.",
        "keys:write": "Create, rotate and revoke keys, with no more scopes than one's own.",
        "players:read": "Read players.",
        "players:write": "Add players.",
        "players:token": "Mint tokens with which players' clients call.",
    },
    events={PLAYER_CREATED: "A player was added."},
    codes=(
        Code("tenant_mismatch", 401, "The credentials name different tenants."),
        Code("scope_not_held", 403, "A key cannot give a scope that it lacks itself."),
        Code("address_not_allowed", 403, "The key is valid, but not from this address."),
        Code("address_not_held", 403, "A key cannot allow addresses that are not its own."),
        Code("key_ended", 409, "The key is revoked, expired or already rotated."),
        Code("unknown_player", 404, "There is no such player in this tenant."),
    ),
)
