"""What stands on both sides of the wall around an installed plugin, and the program inside it.

It imports `plugin_api` and `kernel` alone, since nothing else of Guildbank is within the wall.
"""

from guildbank.plugin_api.runner.frames import (
    MAX_FRAME,
    AnswerOf,
    Broken,
    Call,
    Cancel,
    Counted,
    Done,
    Failed,
    Fetch,
    Fetched,
    FromPlugin,
    Hello,
    Past,
    Question,
    Sharers,
    Told,
    ToPlugin,
    Unframed,
    pack,
    read_frame,
)
from guildbank.plugin_api.runner.rehearsed import PREFIX, Rehearsed, hear, takes_context
from guildbank.plugin_api.runner.verbs import Verb, pack_context, verbs_of

__all__ = [
    "MAX_FRAME",
    "PREFIX",
    "AnswerOf",
    "Broken",
    "Call",
    "Cancel",
    "Counted",
    "Done",
    "Failed",
    "Fetch",
    "Fetched",
    "FromPlugin",
    "Hello",
    "Past",
    "Question",
    "Rehearsed",
    "Sharers",
    "ToPlugin",
    "Told",
    "Unframed",
    "Verb",
    "hear",
    "pack",
    "pack_context",
    "read_frame",
    "takes_context",
    "verbs_of",
]
