"""Routes by which revisions are drafted, checked and read."""

from typing import Annotated

from litestar import get, post
from litestar.params import PathParameter

from guildbank.infra.http import (
    After,
    JSONBody,
    Limit,
    OptionalIdempotencyKey,
    Page,
    Who,
    decode_cursor,
    encode_cursor,
    granted,
    scope,
)
from guildbank.infra.limits import RateLimit
from guildbank.pipelines.contracts import Step
from guildbank.pipelines.http.views import (
    NEWEST,
    READ,
    TAGS,
    WRITE,
    CheckView,
    FlawView,
    Parts,
    Purpose,
    RevisionBody,
    RevisionView,
    StepName,
    StepTriedView,
    TryBody,
    read_stages,
    show_revision,
)
from guildbank.pipelines.usecases import read
from guildbank.pipelines.usecases.check import find_problems
from guildbank.pipelines.usecases.save_revision import save_revision as save_draft
from guildbank.pipelines.usecases.try_step import try_step

TRYING = RateLimit("trying-steps", 30, 60, exact=True)
Number = Annotated[int, PathParameter(description="The revision's number.", ge=1, le=NEWEST)]


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
        pipelines, caller.home, caller.principal, purpose, read_stages(data.stages),
        key=idempotency_key,
    )  # fmt: skip
    return show_revision(granted(saved))


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
    return Page([show_revision(one) for one in page], more)


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
    return show_revision(granted(await read.get_revision(pipelines, caller.home, purpose, number)))


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
    found = await find_problems(pipelines, caller.home, purpose, read_stages(data.stages))
    return CheckView([FlawView(one.field, one.detail) for one in found])


@post(
    "/v1/pipelines/{purpose:str}/steps/{step:str}/test",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Try a step's connection",
    opt={"limits": (TRYING,)},
)
async def try_out(
    pipelines: Parts, caller: Who, purpose: Purpose, step: StepName, data: JSONBody[TryBody]
) -> StepTriedView:
    """Let a step's plugin ask whom it calls whether they answer; nothing is saved or decided.

    The step need not be in any revision. Its secrets are those that are set for these settings.
    """
    tried = granted(
        await try_step(
            pipelines, caller.home, purpose, data.slot, Step(step, data.plugin, data.settings)
        )
    )
    return StepTriedView(answered=tried.answered, detail=tried.detail)


ROUTES = (save_revision, list_revisions, read_revision, check_steps, try_out)
