"""What the journal room publishes to the app."""

from guildbank.infra.http import Code
from guildbank.infra.room import Room
from guildbank.journal.http import ROUTES
from guildbank.journal.jobs import JOBS
from guildbank.journal.personal import PERSONAL

ROOM = Room(
    name="journal",
    routes=ROUTES,
    scopes={
        "journal:read": "Read the signed checkpoints of the journal.",
        "events:read": "Follow every event of the tenant.",
    },
    held_by={
        "journal:read": ("finance", "compliance", "analyst", "developer"),
        "events:read": ("compliance", "analyst", "developer"),
    },
    jobs=JOBS,
    personal=PERSONAL,
    codes=(
        Code("key_reused", 409, "The Idempotency-Key was used before with another command."),
        Code("tenant_suspended", 403, "The tenant is suspended: it takes no writes for now."),
    ),
)
