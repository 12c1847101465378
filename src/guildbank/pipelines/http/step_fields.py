"""Routes that help a person fill in a step: what a field may be, what is wrong, who is well."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import msgspec
from litestar import post
from msgspec import Meta

from guildbank.infra.http import Body, JSONBody, View, Who, granted, scope
from guildbank.infra.limits import RateLimit
from guildbank.pipelines.contracts import SlotName, Step
from guildbank.pipelines.http.views import (
    TAGS,
    WRITE,
    CheckView,
    FlawView,
    Parts,
    Purpose,
    StepName,
    StepTriedView,
    TryBody,
)
from guildbank.pipelines.usecases.try_step import check_step_field, step_health, step_options

FILLING = RateLimit("filling-steps", 60, 60, exact=True)


class StepFieldBody(Body):
    """A field, and the step's settings so far; its secrets are those that are set for them."""

    __example__: ClassVar = {
        "slot": "before",
        "plugin": "countries",
        "field": "listed",
        "settings": {"countries": ["DE"]},
    }

    slot: SlotName
    plugin: Annotated[str, Meta(min_length=1, max_length=64)]
    field: Annotated[str, Meta(min_length=1, max_length=64)]
    settings: Annotated[dict[str, Any], Meta(max_length=100)] = msgspec.field(default_factory=dict)


class StepOptionsView(View):
    """What the field may be, as values with titles; null where its plugin cannot say now."""

    __example__: ClassVar = {
        "options": [{"value": "admit", "title": "admit"}],
        "detail": "These are the only ones.",
    }

    options: Sequence[Mapping[str, str]] | None
    detail: str


@post(
    "/v1/pipelines/{purpose:str}/steps/{step:str}/options",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Read what a step's field may be",
    opt={"limits": (FILLING,)},
)
async def read_options(
    pipelines: Parts, caller: Who, purpose: Purpose, step: StepName, data: JSONBody[StepFieldBody]
) -> StepOptionsView:
    """Ask a step's plugin what a field may be, given the others; nothing is saved.

    Other fields may be missing or wrong. Without a list any value that fits the schema may do.
    """
    wanted = Step(step, data.plugin, data.settings)
    offered = granted(
        await step_options(pipelines, caller.home, purpose, data.slot, wanted, data.field)
    )
    if offered.options is None:
        return StepOptionsView(None, offered.detail)
    options = [{"value": one.value, "title": one.title} for one in offered.options]
    return StepOptionsView(options, offered.detail)


@post(
    "/v1/pipelines/{purpose:str}/steps/{step:str}/check-field",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Check a step's field",
    opt={"limits": (FILLING,)},
)
async def check_one(
    pipelines: Parts, caller: Who, purpose: Purpose, step: StepName, data: JSONBody[StepFieldBody]
) -> CheckView:
    """Say what is wrong with one field, whether or not others are filled in; nothing is saved."""
    wanted = Step(step, data.plugin, data.settings)
    found = granted(
        await check_step_field(pipelines, caller.home, purpose, data.slot, wanted, data.field)
    )
    return CheckView([FlawView(f"settings.{one.field}", one.detail) for one in found])


@post(
    "/v1/pipelines/{purpose:str}/steps/{step:str}/health",
    guards=[scope(WRITE)],
    tags=TAGS,
    status_code=200,
    summary="Read a step's health",
    opt={"limits": (FILLING,)},
)
async def read_health(
    pipelines: Parts, caller: Who, purpose: Purpose, step: StepName, data: JSONBody[TryBody]
) -> StepTriedView:
    """Say whether a step's plugin can do its work now; nothing is saved or decided.

    A plugin that has no word on that is asked whether whom it calls answers.
    """
    wanted = Step(step, data.plugin, data.settings)
    said = granted(await step_health(pipelines, caller.home, purpose, data.slot, wanted))
    return StepTriedView(answered=said.answered, detail=said.detail)


ROUTES = (read_options, check_one, read_health)
