"""Routes by which what runs is shown, changed and rolled back, and steps get their secrets."""

import msgspec
from litestar import Response, get, post, put

from guildbank.approvals import WAITS, waiting
from guildbank.infra.http import JSONBody, Page, Who, granted, scope
from guildbank.pipelines.contracts import Pipeline
from guildbank.pipelines.http.views import (
    READ,
    TAGS,
    Parts,
    PipelineView,
    PublishBody,
    Purpose,
    RollBackBody,
    SecretsBody,
    SecretsView,
    StepName,
    WorkerView,
    show_pipeline,
)
from guildbank.pipelines.usecases import Pipelines, read
from guildbank.pipelines.usecases.publish import PERMISSION, Wanted, publish
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets


@get("/v1/pipelines", guards=[scope(READ)], tags=TAGS, summary="List pipelines")
async def list_pipelines(pipelines: Parts, caller: Who) -> Page[PipelineView]:
    """List what can be bought, and which revision runs for each."""
    found = await read.list_pipelines(pipelines, caller.home)
    return Page([show_pipeline(one) for one in found], None)


@get("/v1/pipelines/{purpose:str}", guards=[scope(READ)], tags=TAGS, summary="Read a pipeline")
async def read_pipeline(pipelines: Parts, caller: Who, purpose: Purpose) -> PipelineView:
    """Return which revision runs for a purpose."""
    return show_pipeline(granted(await read.get_pipeline(pipelines, caller.home, purpose)))


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


@put(
    "/v1/pipelines/{purpose:str}/secrets/{step:str}",
    guards=[scope(PERMISSION, fresh=True)],
    tags=TAGS,
    summary="Set a step's secrets",
    responses=WAITS,
)
async def set_step_secrets(
    pipelines: Parts, caller: Who, purpose: Purpose, step: StepName, data: JSONBody[SecretsBody]
) -> Response[SecretsView]:
    """Set the secrets of a step, at once for every revision that has it with these settings.

    They are sealed, stand in no revision and no entry, and are never shown again.
    """
    wanted = StepSecrets(purpose, step, data.slot, data.plugin, data.settings, data.secrets)
    done = await set_secrets(pipelines, caller.home, caller.principal, wanted)
    waits = await waiting(pipelines.four_eyes, caller.home, done)
    if waits is not None:
        return waits
    granted(done)
    return Response(SecretsView(step, data.plugin, sorted(data.secrets)))


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
        return Response(show_pipeline(read.Listed(wanted.purpose, meaning, done)))
    waits = await waiting(pipelines.four_eyes, caller.home, done)
    if waits is None:
        granted(done)
        raise AssertionError("a pipeline is published, refused, or waits")
    return waits


ROUTES = (
    list_pipelines, read_pipeline, list_workers, set_step_secrets, publish_revision, roll_back,
)  # fmt: skip
