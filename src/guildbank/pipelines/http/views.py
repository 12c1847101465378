"""What is sent and shown of pipelines."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.infra.http import Body, Service, View
from guildbank.pipelines.contracts import (
    EMPTY,
    MAX_STEPS,
    Revision,
    ScoreLimits,
    SlotName,
    Stages,
    Step,
)
from guildbank.pipelines.http.routing import Routes, RouteView, read_routes, show_routes
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.publish import ALL
from guildbank.pipelines.usecases.read import Listed
from guildbank.plugin_api import MAX_POINTS

Parts = Service[Pipelines]
READ, WRITE = "pipelines:read", "pipelines:write"
TAGS: Sequence[str] = ["Pipelines"]
NEWEST = 2**31 - 1
Purpose = Annotated[str, PathParameter(description="What is bought, such as packs.", max_length=40)]

StepName = Annotated[
    str,
    PathParameter(description="The step's id.", pattern=r"^[a-z][a-z0-9-]{0,39}$", max_length=40),
]


class StepBody(Body):
    """A plugin at its place. `id` names the step: problems and records speak of it by that."""

    __example__: ClassVar = {
        "id": "germany-only",
        "plugin": "countries",
        "settings": {"allowed": ["DE"]},
    }

    id: Annotated[str, Meta(min_length=1, max_length=40)]
    plugin: Annotated[str, Meta(min_length=1, max_length=64)]
    settings: Annotated[dict[str, Any], Meta(max_length=100)] = msgspec.field(default_factory=dict)


class ScorerBody(StepBody):
    """A scorer at its place. A purchase with `refuseFrom` points or more is refused, also where
    the scorer gives no answer; one with `annotateFrom` or more bears its score as notes.
    """

    __example__: ClassVar = {"id": "risk", "plugin": "score", "refuseFrom": 80}

    refuse_from: Annotated[int, Meta(ge=1, le=MAX_POINTS)] | None = None
    annotate_from: Annotated[int, Meta(ge=0, le=MAX_POINTS)] | None = None


Scorers = Annotated[list[ScorerBody], Meta(max_length=MAX_STEPS)]
Steps = Annotated[list[StepBody], Meta(max_length=MAX_STEPS)]


class StagesBody(Body):
    """The steps of each slot, in order. Provider and crediting stand between `scorers` and `after`.

    The first of the `routes` that takes a purchase says which provider it goes to; without any,
    the buyer names the provider.
    """

    __example__: ClassVar = {"entry": [], "before": [], "callbacks": [], "routes": []}

    entry: Steps = msgspec.field(default_factory=list)
    charges: Steps = msgspec.field(default_factory=list)
    before: Steps = msgspec.field(default_factory=list)
    scorers: Scorers = msgspec.field(default_factory=list)
    after: Steps = msgspec.field(default_factory=list)
    callbacks: Steps = msgspec.field(default_factory=list)
    routes: Routes = msgspec.field(default_factory=list)


class RevisionBody(Body):
    """Steps to be saved as a revision, or to be checked. Neither changes what runs."""

    __example__: ClassVar = {"stages": {"routes": [{"id": "all", "to": [{"provider": "sandbox"}]}]}}

    stages: StagesBody


class PublishBody(Body):
    """Which revision is to run, and for how many percent of the players.

    A player is among them or not by hash, always the same. Revision 0 runs no step. `over` is the
    revision that you take for published: if it is another by then, nothing happens.
    """

    __example__: ClassVar = {"revision": 1, "over": None}

    revision: Annotated[int, Meta(ge=0, le=NEWEST)]
    share: Annotated[int, Meta(ge=1, le=ALL)] = ALL
    over: Annotated[int, Meta(ge=0, le=NEWEST)] | None = None


class RollBackBody(Body):
    """Take back the last publication. `over` is the revision that you take for published."""

    __example__: ClassVar = {"over": None}

    over: Annotated[int, Meta(ge=0, le=NEWEST)] | None = None


class SecretsBody(Body):
    """The secrets of a step, with its plugin and its other settings as its revision has them.

    Secrets are kept for the settings that say where they are sent: a step that is sent elsewhere
    needs them anew.
    """

    __example__: ClassVar = {
        "slot": "before",
        "plugin": "ask-the-game",
        "settings": {"url": "https://game.example/purchases"},
        "secrets": {"signing_secret": "whsec-0123456789abcdef"},
    }

    slot: SlotName
    plugin: Annotated[str, Meta(min_length=1, max_length=64)]
    secrets: Annotated[dict[str, Any], Meta(min_length=1, max_length=20)]
    settings: Annotated[dict[str, Any], Meta(max_length=100)] = msgspec.field(default_factory=dict)


class SecretsView(View):
    """Whose secrets were set, and which; they are never shown."""

    __example__: ClassVar = {
        "step": "ask-first",
        "plugin": "ask-the-game",
        "secretsSet": ["signing_secret"],
    }

    step: str
    plugin: str
    secrets_set: Sequence[str]


class TryBody(Body):
    """A step's plugin and settings as a revision has them; its secrets are those that are set."""

    __example__: ClassVar = {
        "slot": "before",
        "plugin": "countries",
        "settings": {"listed": "admit", "countries": ["DE"]},
    }

    slot: SlotName
    plugin: Annotated[str, Meta(min_length=1, max_length=64)]
    settings: Annotated[dict[str, Any], Meta(max_length=100)] = msgspec.field(default_factory=dict)


class StepTriedView(View):
    """Whether whom the step calls answered. `answered` is null where its plugin asks nobody."""

    __example__: ClassVar = {"answered": True, "detail": "The server answered 200."}

    answered: bool | None
    detail: str


class StepView(View):
    """A plugin at its place."""

    __example__: ClassVar = {"id": "germany-only", "plugin": "countries", "settings": {}}

    id: str
    plugin: str
    settings: Mapping[str, Any]


class ScorerView(StepView):
    """A scorer at its place, and what its points do."""

    __example__: ClassVar = {"id": "risk", "plugin": "score", "settings": {}, "refuseFrom": 80}

    refuse_from: int | None
    annotate_from: int | None


class StagesView(View):
    """The steps of each slot, in the order in which they run, and the routes to providers."""

    __example__: ClassVar = {"entry": [], "before": [], "callbacks": [], "routes": []}

    entry: Sequence[StepView]
    charges: Sequence[StepView]
    before: Sequence[StepView]
    scorers: Sequence[ScorerView]
    after: Sequence[StepView]
    callbacks: Sequence[StepView]
    routes: Sequence[RouteView]


class RevisionView(View):
    """A saved revision; it never changes."""

    __example__: ClassVar = {"purpose": "packs", "revision": 1}

    purpose: str
    revision: int
    stages: StagesView
    saved_at: datetime


class PipelineView(View):
    """What runs for a purpose. Revision 0 stands for none: no step runs.

    While there is a `canary`, `share` percent of the players run that one.
    """

    __example__: ClassVar = {
        "purpose": "packs",
        "newest": 3,
        "published": 2,
        "previous": 1,
        "canary": 3,
        "share": 10,
        "changedAt": "2026-11-26T10:00:00Z",
    }

    purpose: str
    meaning: str
    newest: int
    published: int
    previous: int
    canary: int | None
    share: int
    changed_at: datetime | None


class WorkerView(View):
    """A process of the deployment, and what it has made ready.

    `problem` says what did not start there: it runs what ran before. Without `since` it has not
    looked at the pipeline yet.
    """

    __example__: ClassVar = {
        "id": "bank-1:4711",
        "kind": "http",
        "published": 2,
        "canary": None,
        "problem": None,
        "since": "2026-11-26T10:00:01Z",
    }

    id: str
    kind: str
    seen_at: datetime
    published: int
    canary: int | None
    problem: str | None
    since: datetime | None


class FlawView(View):
    """What is wrong, and where."""

    __example__: ClassVar = {"field": "stages.before.0.settings.allowed", "detail": "is no list"}

    field: str
    detail: str


class CheckView(View):
    """What is wrong with the steps; an empty list means that they can run."""

    __example__: ClassVar = {"problems": []}

    problems: Sequence[FlawView]


def read_stages(body: StagesBody) -> Stages:
    """Return the steps that were sent."""

    def steps(given: Sequence[StepBody]) -> tuple[Step, ...]:
        return tuple(Step(one.id, one.plugin, one.settings) for one in given)

    return Stages(
        entry=steps(body.entry),
        charges=steps(body.charges),
        before=steps(body.before),
        scorers=tuple(
            Step(one.id, one.plugin, one.settings, ScoreLimits(one.refuse_from, one.annotate_from))
            for one in body.scorers
        ),
        after=steps(body.after),
        callbacks=steps(body.callbacks),
        routes=read_routes(body.routes),
    )


def show_pipeline(one: Listed) -> PipelineView:
    """Return a pipeline as it is shown."""
    pipeline = one.pipeline
    return PipelineView(
        purpose=one.purpose,
        meaning=one.meaning,
        newest=EMPTY if pipeline is None else pipeline.newest,
        published=EMPTY if pipeline is None else pipeline.published,
        previous=EMPTY if pipeline is None else pipeline.previous,
        canary=None if pipeline is None else pipeline.canary,
        share=0 if pipeline is None else pipeline.share,
        changed_at=None if pipeline is None else pipeline.changed_at,
    )


def show_revision(one: Revision) -> RevisionView:
    """Return a revision as it is shown."""

    def steps(given: Sequence[Step]) -> list[StepView]:
        return [StepView(each.id, each.plugin, each.settings) for each in given]

    stages = one.stages
    return RevisionView(
        purpose=one.purpose,
        revision=one.number,
        stages=StagesView(
            entry=steps(stages.entry),
            charges=steps(stages.charges),
            before=steps(stages.before),
            scorers=[
                ScorerView(
                    each.id,
                    each.plugin,
                    each.settings,
                    each.limits.refuse_from,
                    each.limits.annotate_from,
                )
                for each in stages.scorers
            ],
            after=steps(stages.after),
            callbacks=steps(stages.callbacks),
            routes=show_routes(stages.routes),
        ),
        saved_at=one.saved_at,
    )
