"""The door of pipelines: which plugins a purchase passes, in revisions that change while it runs.

Refusals: not_found, invalid_pipeline, step_not_started, pipeline_moved, nothing_to_roll_back,
pipeline_unavailable, purchase_vetoed, operation_vetoed, gate_unavailable.
"""

from guildbank.pipelines.contracts import (
    EMPTY,
    Answer,
    Because,
    Bought,
    Chosen,
    Passage,
    Pipeline,
    Placed,
    Route,
    Stages,
    Step,
)
from guildbank.pipelines.fleet import living
from guildbank.pipelines.recorded import PostingLine, Recorded, RecordedMove
from guildbank.pipelines.rules import lead, pick, route_of
from guildbank.pipelines.usecases import Histories, Pipelines
from guildbank.pipelines.usecases.ask_gates import ask_gates
from guildbank.pipelines.usecases.ask_hooks import Heard, ask_hooks
from guildbank.pipelines.usecases.choose import (
    Added,
    Runs,
    added_since,
    began_with,
    choose,
    choose_by,
    choose_each,
    pinned,
    what_runs,
)
from guildbank.pipelines.usecases.follow import Follower
from guildbank.pipelines.usecases.follow_hooks import hooks_now
from guildbank.pipelines.usecases.hooked import UNSURE, Running
from guildbank.pipelines.usecases.know_secrets import know_secrets, with_secrets
from guildbank.pipelines.usecases.publish import Wanted, publish
from guildbank.pipelines.usecases.save_revision import save_revision
from guildbank.pipelines.usecases.start import ready

__all__ = [
    "EMPTY",
    "UNSURE",
    "Added",
    "Answer",
    "Because",
    "Bought",
    "Chosen",
    "Follower",
    "Heard",
    "Histories",
    "Passage",
    "Pipeline",
    "Pipelines",
    "Placed",
    "PostingLine",
    "Recorded",
    "RecordedMove",
    "Route",
    "Running",
    "Runs",
    "Stages",
    "Step",
    "Wanted",
    "added_since",
    "ask_gates",
    "ask_hooks",
    "began_with",
    "choose",
    "choose_by",
    "choose_each",
    "hooks_now",
    "know_secrets",
    "lead",
    "living",
    "pick",
    "pinned",
    "publish",
    "ready",
    "route_of",
    "save_revision",
    "what_runs",
    "with_secrets",
]
