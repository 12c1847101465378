"""What the tenancy room publishes to the app."""

from guildbank.infra.http import DEPLOYMENT_SCOPE, Code
from guildbank.infra.room import Room
from guildbank.tenancy.contracts import (
    BACKED_UP,
    CHANGED,
    CREATED,
    DELETED,
    HOSTS_SET,
    RECIPIENT_SET,
    RESTORED,
    RESUMED,
    SUSPENDED,
)
from guildbank.tenancy.http import ROUTES

ROOM = Room(
    name="tenancy",
    routes=ROUTES,
    scopes={DEPLOYMENT_SCOPE: "Keep tenants and the keys of all of them."},
    of_deployment=(DEPLOYMENT_SCOPE,),
    events={
        CREATED: "A tenant was created.",
        CHANGED: "The tenant's name or settings were changed; it says which.",
        HOSTS_SET: "Which hosts lead to a tenant was changed.",
        SUSPENDED: "A tenant was suspended.",
        RESUMED: "A suspended tenant was resumed.",
        BACKED_UP: "Somebody at the host made a backup of the deployment.",
        RESTORED: "The deployment goes on from a backup; it says which, and who is suspended.",
        RECIPIENT_SET: "Backups are sealed to another recovery key from here on.",
        DELETED: "A tenant was archived and deleted; its journal's last hash is kept here.",
    },
    codes=(
        Code("slug_reserved", 422, "The slug is a name that the deployment needs for itself."),
        Code("slug_taken", 409, "The slug is or was used by a tenant; slugs are used once."),
        Code("host_taken", 409, "The host leads to another tenant already."),
        Code("rp_id_taken", 409, "Passkeys of this host would be shared with somebody else."),
        Code("confirmation_mismatch", 422, "`confirm` is not the slug of the tenant to delete."),
        Code("migration_pending", 503, "The database has another version than this server."),
    ),
)
