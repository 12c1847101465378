"""What worker processes are forked from: it has imported all that they need, and begun nothing."""

from tests.faults.matrix import mortal

from guildbank.app.memory import settle
from guildbank.app.rooms import all_rooms

__all__ = ["mortal"]

# What a room is made of is imported when it is first asked for: once here, not in each process.
all_rooms()
settle()
