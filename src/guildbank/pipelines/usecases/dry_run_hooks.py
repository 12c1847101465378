"""Replay recorded operations against a draft of hooks: what would have been different.

Nothing leaves the server, nothing is saved. Hooks that only compute are asked again, as of then;
those that ask somebody answer what they answered then. What was refused then left no record.
"""

import asyncio
from collections.abc import Mapping
from typing import Literal, NamedTuple, cast

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import NO_PIPELINE, Placed, Stages
from guildbank.pipelines.recorded import RecordedMove
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.ask_hooks import ALL_SECONDS, ask_judge
from guildbank.pipelines.usecases.check import find_problems, refuse
from guildbank.pipelines.usecases.dry_run import (
    SECONDS,
    looks_outside,
    of_then,
    recorded_answer,
    stages_of,
)
from guildbank.pipelines.usecases.read_answers import read_answer
from guildbank.plugin_api import MoveVerb, Slot

MAX_OPERATIONS = 200


class MoveFate(NamedTuple):
    """What hooks made of an operation: `done`, or `vetoed` by a step, or `failed` without answer.

    `code` is the veto's own, `notes` are what all hooks noted up to the one that refused.
    """

    outcome: Literal["done", "vetoed", "failed"]
    refused_by: str | None
    code: str | None
    notes: Mapping[str, str]


class ReplayedMove(NamedTuple):
    """An operation with both fates, and what the record does not know."""

    recorded: RecordedMove
    before: MoveFate
    after: MoveFate
    unknown: tuple[str, ...]

    @property
    def changed(self) -> tuple[str, ...]:
        """Name what differs."""
        pairs = zip(MoveFate._fields, self.before, self.after, strict=True)
        return tuple(name for name, was, would_be in pairs if was != would_be)


async def dry_run_hooks(
    pipelines: Pipelines, tenant: TenantRef, verb: str, stages: Stages, operations: int
) -> list[ReplayedMove] | Refusal:
    """Return the newest operations, at most so many, with what the draft would have said of them.

    Refusals: `not_found`, `invalid_pipeline`.
    """
    if verb not in pipelines.verbs:
        return NO_PIPELINE
    # Where a draft's addresses lead is looked up when it is saved: here nothing leaves the process.
    problems = await find_problems(pipelines, tenant, verb, stages, places=False)
    if (refusal := refuse(problems)) is not None:
        return refusal
    record = pipelines.moves[verb]
    wanted = min(operations, MAX_OPERATIONS)
    recorded = await record.moves(tenant, cast("MoveVerb", verb), wanted)
    numbers = (one.revision for one in recorded if one.revision is not None)
    ran = await stages_of(pipelines, tenant, verb, numbers)
    replayed: list[ReplayedMove] = []
    give_up = asyncio.get_running_loop().time() + SECONDS
    for move in recorded:
        if asyncio.get_running_loop().time() > give_up:
            break
        before = Stages() if move.revision is None else ran[move.revision]
        replayed.append(await _replay(pipelines, tenant, stages, before, move))
    return replayed


async def _replay(
    pipelines: Pipelines, tenant: TenantRef, stages: Stages, ran: Stages, move: RecordedMove
) -> ReplayedMove:
    noted = {name: text for one in move.answers for name, text in one.notes.items()}
    before = MoveFate("done", None, None, noted)
    unknown: list[str] = []
    after = await _after(pipelines, tenant, stages, ran, move, unknown)
    return ReplayedMove(move, before, after, tuple(unknown))


async def _after(
    pipelines: Pipelines,
    tenant: TenantRef,
    stages: Stages,
    ran: Stages,
    move: RecordedMove,
    unknown: list[str],
) -> MoveFate:
    notes: dict[str, str] = {}
    computed = False
    for step in stages.before:
        placed = Placed(Slot.MIDDLEWARE, step)
        plugin = pipelines.plugins.at(placed.slot, step.plugin)
        if plugin is not None and looks_outside(plugin.manifest):
            then = recorded_answer(move.answers, placed, ran, unknown)
            if then is not None:
                notes.update(then.notes)
            continue
        if not computed:
            computed = True
            unknown.extend(move.missing)
        view = msgspec.structs.replace(move.view, annotations=dict(notes))
        until = asyncio.get_running_loop().time() + ALL_SECONDS
        (said,) = await ask_judge(
            pipelines, tenant, step, (view,), until, name=None,
            in_context=lambda one, _: of_then(pipelines, tenant, one, move.at),
        )  # fmt: skip
        answer, refusal = read_answer(placed.slot, step, said, notes)
        if refusal is not None:
            vetoed = answer.verdict == "vetoed"
            return MoveFate("vetoed" if vetoed else "failed", step.id, answer.code, notes)
    return MoveFate("done", None, None, notes)
