"""What the store room publishes to the app."""

from guildbank.infra.http import Code
from guildbank.infra.room import Room
from guildbank.store.contracts import PURPOSES
from guildbank.store.http import ROUTES
from guildbank.store.usecases.save_pack import PACK_SAVED

ROOM = Room(
    name="store",
    routes=ROUTES,
    purposes={str(name): meaning for name, meaning in PURPOSES.items()},
    scopes={
        "packs:read": "Read packs.",
        "packs:write": "Create and change packs.",
    },
    held_by={"packs:read": ("finance", "support", "compliance", "analyst", "developer")},
    events={PACK_SAVED: "A version of a pack was saved."},
    codes=(
        Code("unknown_pack", 422, "There is no such pack in this tenant."),
        Code("pack_inactive", 409, "The pack is not for sale now."),
        Code("pack_not_for_sale_in_currency", 422, "The pack has no price in this currency."),
        Code("amount_out_of_range", 422, "The pack does not sell this number of coins."),
    ),
)
