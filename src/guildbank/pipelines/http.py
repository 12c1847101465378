"""Routes by which pipelines are drafted, checked, published and rolled back."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import Response, get, post
from litestar.params import PathParameter
from msgspec import Meta

from guildbank.approvals import WAITS, waiting
from guildbank.infra.http import (
    After,
    Body,
    JSONBody,
    Limit,
    OptionalIdempotencyKey,
    Page,
    Service,
    View,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.pipelines.contracts import EMPTY, MAX_STEPS, Pipeline, Revision, Stages, Step
from guildbank.pipelines.usecases import Pipelines, read
from guildbank.pipelines.usecases.check import find_problems
from guildbank.pipelines.usecases.publish import ALL, PERMISSION, Wanted, publish
from guildbank.pipelines.usecases.save_revision import save_revision as save_draft

Parts = Service[Pipelines]
READ, WRITE = "pipelines:read", "pipelines:write"
TAGS: Sequence[str] = ["Pipelines"]
NEWEST = 2**31 - 1
Purpose = Annotated[str, PathParameter(description="What is bought, such as packs.", max_length=40)]
Number = Annotated[int, PathParameter(description="The revision's number.", ge=1, le=NEWEST)]


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


Steps = Annotated[list[StepBody], Meta(max_length=MAX_STEPS)]


class StagesBody(Body):
    """The steps of each slot, in order. Provider and crediting stand between the last two."""

    __example__: ClassVar = {"entry": [], "before": [], "callbacks": []}

    entry: Steps = msgspec.field(default_factory=list)
    before: Steps = msgspec.field(default_factory=list)
    callbacks: Steps = msgspec.field(default_factory=list)


class RevisionBody(Body):
    """Steps to be saved as a revision, or to be checked. Neither changes what runs."""

    __example__: ClassVar = {"stages": {}}

    stages: StagesBody


class PublishBody(Body):
    """Which revision is to run, and for how many percent of the players.

    A player is among them or not by hash, always the same. `over` is the revision that you take
    for published: if it is another by then, nothing happens.
    """

    __example__: ClassVar = {"revision": 1, "over": None}

    revision: Annotated[int, Meta(ge=1, le=NEWEST)]
    share: Annotated[int, Meta(ge=1, le=ALL)] = ALL
    over: Annotated[int, Meta(ge=0, le=NEWEST)] | None = None


class RollBackBody(Body):
    """Take back the last publication. `over` is the revision that you take for published."""

    __example__: ClassVar = {"over": None}

    over: Annotated[int, Meta(ge=0, le=NEWEST)] | None = None


class StepView(View):
    """A plugin at its place."""

    __example__: ClassVar = {"id": "germany-only", "plugin": "countries", "settings": {}}

    id: str
    plugin: str
    settings: Mapping[str, Any]


class StagesView(View):
    """The steps of each slot, in the order in which they run."""

    __example__: ClassVar = {"entry": [], "before": [], "callbacks": []}

    entry: Sequence[StepView]
    before: Sequence[StepView]
    callbacks: Sequence[StepView]


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


@get("/v1/pipelines", guards=[scope(READ)], tags=TAGS, summary="List pipelines")
async def list_pipelines(pipelines: Parts, caller: Who) -> Page[PipelineView]:
    """List what can be bought, and which revision runs for each."""
    return Page([_view(one) for one in await read.list_pipelines(pipelines, caller.home)], None)


@get("/v1/pipelines/{purpose:str}", guards=[scope(READ)], tags=TAGS, summary="Read a pipeline")
async def read_pipeline(pipelines: Parts, caller: Who, purpose: Purpose) -> PipelineView:
    """Return which revision runs for a purpose."""
    return _view(granted(await read.get_pipeline(pipelines, caller.home, purpose)))


@get(
    "/v1/pipelines/{purpose:str}/workers",
    guards=[scope(READ)],
    tags=TAGS,
    summary="List the workers of a pipeline",
)
async def list_workers(pipelines: Parts, caller: Who, purpose: Purpose) -> Page[WorkerView]:
    """List the processes with what each has made ready for the purpose."""
    found = granted(await read.list_workers(pipelines, caller.home, purpose))
    return Page([WorkerView(**msgspec.structs.asdict(one)) for one in found], None)


@post(
    "/v1/pipelines/{purpose:str}/revisions",
    guards=[scope(WRITE)],
    tags=TAGS,
    summary="Save a revision",
)
async def save_revision(
    pipelines: Parts,
    caller: Who,
    purpose: Purpose,
    data: JSONBody[RevisionBody],
    idempotency_key: OptionalIdempotencyKey = None,
) -> RevisionView:
    """Save a revision once it has no problem. Nothing runs it before it is published."""
    saved = await save_draft(
        pipelines, caller.home, caller.principal, purpose, _stages(data.stages),
        key=idempotency_key,
    )  # fmt: skip
    return _revision(granted(saved))


@get(
    "/v1/pipelines/{purpose:str}/revisions",
    guards=[scope(READ)],
    tags=TAGS,
    summary="List revisions",
)
async def list_revisions(
    pipelines: Parts, caller: Who, purpose: Purpose, limit: Limit = 50, after: After = None
) -> Page[RevisionView]:
    """List the revisions of a pipeline, the newest first."""
    position = decode_cursor(after, [int])
    below = int(position[0]) if position else NEWEST
    found = granted(await read.list_revisions(pipelines, caller.home, purpose, below, limit + 1))
    page = found[:limit]
    more = encode_cursor([page[-1].number]) if len(found) > limit else None
    return Page([_revision(one) for one in page], more)


@get(
    "/v1/pipelines/{purpose:str}/revisions/{number:int}",
    guards=[scope(READ)],
    tags=TAGS,
    summary="Read a revision",
)
async def read_revision(
    pipelines: Parts, caller: Who, purpose: Purpose, number: Number
) -> RevisionView:
    """Return one revision."""
    return _revision(granted(await read.get_revision(pipelines, caller.home, purpose, number)))


@post(
    "/v1/pipelines/{purpose:str}/check",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Check steps",
)
async def check_steps(
    pipelines: Parts, caller: Who, purpose: Purpose, data: JSONBody[RevisionBody]
) -> CheckView:
    """Say all that is wrong with the steps; nothing is saved."""
    granted(await read.get_pipeline(pipelines, caller.home, purpose))
    found = find_problems(pipelines, caller.home, _stages(data.stages))
    return CheckView([FlawView(one.field, one.detail) for one in found])


@post(
    "/v1/pipelines/{purpose:str}/publish",
    guards=[scope(PERMISSION, fresh=True)],
    tags=TAGS,
    status_code=200,
    summary="Publish a revision",
    responses=WAITS,
)
async def publish_revision(
    pipelines: Parts, caller: Who, purpose: Purpose, data: JSONBody[PublishBody]
) -> Response[PipelineView]:
    """Let a revision run from now on, for all players or for a share of them.

    Payments that were begun keep the revision that they began with until they are credited; checks
    that are new to them bind them too before their money is captured.
    """
    wanted = Wanted(purpose=purpose, number=data.revision, share=data.share, over=data.over)
    return await _publish(pipelines, caller, wanted)


@post(
    "/v1/pipelines/{purpose:str}/roll-back",
    guards=[scope(PERMISSION, fresh=True)],
    tags=TAGS,
    status_code=200,
    summary="Roll back",
    responses=WAITS,
)
async def roll_back(
    pipelines: Parts, caller: Who, purpose: Purpose, data: JSONBody[RollBackBody]
) -> Response[PipelineView]:
    """Take the canary away, or where there is none run the revision that ran before."""
    return await _publish(pipelines, caller, Wanted(purpose=purpose, over=data.over))


async def _publish(pipelines: Pipelines, caller: Who, wanted: Wanted) -> Response[PipelineView]:
    done = await publish(pipelines, caller.home, caller.principal, wanted)
    if isinstance(done, Pipeline):
        meaning = pipelines.purposes[wanted.purpose]
        return Response(_view(read.Listed(wanted.purpose, meaning, done)))
    waits = await waiting(pipelines.four_eyes, caller.home, done)
    if waits is None:
        granted(done)
        raise AssertionError("a pipeline is published, refused, or waits")
    return waits


def _stages(body: StagesBody) -> Stages:
    def steps(given: Sequence[StepBody]) -> tuple[Step, ...]:
        return tuple(Step(one.id, one.plugin, one.settings) for one in given)

    return Stages(steps(body.entry), steps(body.before), steps(body.callbacks))


def _view(one: read.Listed) -> PipelineView:
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


def _revision(one: Revision) -> RevisionView:
    def steps(given: Sequence[Step]) -> list[StepView]:
        return [StepView(each.id, each.plugin, each.settings) for each in given]

    stages = one.stages
    return RevisionView(
        purpose=one.purpose,
        revision=one.number,
        stages=StagesView(
            entry=steps(stages.entry),
            before=steps(stages.before),
            callbacks=steps(stages.callbacks),
        ),
        saved_at=one.saved_at,
    )


ROUTES = (
    list_pipelines, read_pipeline, list_workers, save_revision, list_revisions, read_revision,
    check_steps, publish_revision, roll_back,
)  # fmt: skip
