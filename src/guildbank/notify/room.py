"""What the notify room publishes to the app."""

from guildbank.infra.http import Code
from guildbank.infra.room import Room
from guildbank.notify.backlogs import BACKLOGS
from guildbank.notify.http import READ, ROUTES
from guildbank.notify.jobs import JOBS
from guildbank.notify.personal import PERSONAL

ROOM = Room(
    name="notify",
    routes=ROUTES,
    jobs=JOBS,
    backlogs=BACKLOGS,
    personal=PERSONAL,
    scopes={READ: "Read the mailbox of a test tenant, with the links and codes in it."},
    held_by={READ: ("developer",)},
    codes=(
        Code(
            "control_character",
            422,
            "A value for a mail holds a line break or another control character.",
        ),
    ),
)
