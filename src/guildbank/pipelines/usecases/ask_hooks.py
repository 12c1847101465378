"""Ask the hooks of a verb about operations, as many as come together: no answer refuses them all.

It is done before the queue and in no transaction. Amounts are not theirs to change.
"""

import asyncio
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import NamedTuple, cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Unavailable
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import Answer, Pipeline, Placed, Stages, Step
from guildbank.pipelines.rules import number_for
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.ask_plugin import (
    ONLY_NOTES,
    InContext,
    Peer,
    as_it_is,
    ask_plugin,
)
from guildbank.pipelines.usecases.choose import began_with
from guildbank.pipelines.usecases.know_secrets import know_secrets, with_secrets
from guildbank.pipelines.usecases.read_answers import Said, Silent, read_answer
from guildbank.pipelines.usecases.start import make_ready
from guildbank.plugin_api import (
    BEFORE_MOVES,
    MAX_MOVES,
    Annotated,
    Context,
    Judged,
    Judgement,
    JudgesMoves,
    Manifest,
    MoveView,
    Slot,
)

log = structlog.get_logger(__name__)
MAX_SAID = 200
"""How much of why nothing can be said of an operation is logged."""
ALL_SECONDS = 10.0
"""So long all hooks of an operation may take together; who comes later is not asked any more."""
MAX_ASKING = 64
"""Calls that ask a tenant's hooks at once in one process; more are told to come again."""
BUSY = "Too many operations wait for the tenant's hooks. Nothing was begun: try again shortly."
NOT_READY = Refusal(
    code="pipeline_unavailable",
    detail="A hook of this operation does not start here, so it is refused. Try again later.",
)


class Heard(NamedTuple):
    """What the hooks of a revision said of one operation, up to the one that refuses it."""

    revision: int
    answers: tuple[Answer, ...]
    refusal: Refusal | None


async def ask_hooks(
    pipelines: Pipelines, tenant: TenantRef, pipeline: Pipeline, moves: Sequence[MoveView]
) -> list[Heard]:
    """Return what is said of each operation, in order. Raises Unavailable when too many ask.

    Each step is asked once about all of them that no step before it refused, MAX_MOVES at a time.
    Those of a canary's players are asked about by that revision, the others by the published one.
    Refusals: `operation_vetoed`; `gate_unavailable` where a step that may veto says nothing that
    can be used, is left alone or is not installed any more; `pipeline_unavailable`. A veto of one
    that may be skipped makes all that it said together with it no answer.
    """
    numbers = [number_for(pipeline, one.players[0] if one.players else "") for one in moves]
    heard: list[Heard] = [Heard(number, (), None) for number in numbers]
    with _asking(pipelines, tenant):
        for number in dict.fromkeys(numbers):
            places = [place for place, one in enumerate(numbers) if one == number]
            for start in range(0, len(places), MAX_MOVES):
                part = places[start : start + MAX_MOVES]
                asked = [moves[place] for place in part]
                said = await _ask_revision(pipelines, tenant, pipeline.purpose, number, asked)
                for place, one in zip(part, said, strict=True):
                    heard[place] = one
    return heard


@contextmanager
def _asking(pipelines: Pipelines, tenant: TenantRef) -> Iterator[None]:
    """Count who asks, so that a slow hook keeps no end of operations in memory."""
    asking, schema = pipelines.asking, tenant.schema
    if asking.get(schema, 0) >= MAX_ASKING:
        raise Unavailable(BUSY)
    asking[schema] = asking.get(schema, 0) + 1
    try:
        yield
    finally:
        asking[schema] -= 1
        if not asking[schema]:
            del asking[schema]


class _Move:
    """An operation on its way through the steps."""

    def __init__(self, view: MoveView) -> None:
        self.view = view
        self.notes: dict[str, str] = {}
        self.answers: list[Answer] = []
        self.refusal: Refusal | None = None

    def seen(self) -> MoveView:
        """Return it with what was noted so far."""
        return msgspec.structs.replace(self.view, annotations=dict(self.notes))

    def hear(self, step: Step, said: Said, micros: int) -> None:
        """Take what a step says."""
        answer, refusal = read_answer(Slot.MIDDLEWARE, step, said, self.notes)
        self.answers.append(msgspec.structs.replace(answer, micros=micros))
        self.refusal = None if refusal is None else _of_operation(refusal, step)


async def _ask_revision(
    pipelines: Pipelines, tenant: TenantRef, verb: str, number: int, views: Sequence[MoveView]
) -> list[Heard]:
    stages = await _stages(pipelines, tenant, verb, number)
    moves = [_Move(view) for view in views]
    if stages.before and not await _is_ready(pipelines, tenant, verb, number, stages):
        return [Heard(number, (), NOT_READY)] * len(moves)
    placed = [Placed(Slot.MIDDLEWARE, step) for step in stages.before]
    known = await know_secrets(pipelines, tenant, verb, placed)
    until = asyncio.get_running_loop().time() + ALL_SECONDS
    for (_, step), secrets in zip(placed, known, strict=True):
        asked = [one for one in moves if one.refusal is None]
        if not asked:
            break
        began = perf_counter()
        own = with_secrets(step, secrets)
        views_now = tuple(one.seen() for one in asked)
        name = (tenant.schema, verb, step.plugin)
        said = await ask_judge(pipelines, tenant, own, views_now, until, name=name)
        micros = round((perf_counter() - began) * 1e6)
        for one, word in zip(asked, said, strict=True):
            one.hear(step, word, micros)
    return [Heard(number, tuple(one.answers), one.refusal) for one in moves]


async def _stages(pipelines: Pipelines, tenant: TenantRef, verb: str, number: int) -> Stages:
    known = pipelines.kept(tenant.schema, verb, number)
    if known is not None:
        return known
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        return await began_with(pipelines, tx.driver, tenant.schema, verb, number)


async def _is_ready(
    pipelines: Pipelines, tenant: TenantRef, verb: str, number: int, stages: Stages
) -> bool:
    """Say whether its hooks run in this process; there is no going on with an older revision.

    What an older one does not forbid, or where there is none, would be let through.
    """
    problem = await make_ready(pipelines, tenant, verb, number, stages)
    return problem is None or problem.field.startswith("stages.callbacks")


async def ask_judge(
    pipelines: Pipelines,
    tenant: TenantRef,
    step: Step,
    views: tuple[MoveView, ...],
    until: float,
    *,
    name: Hashable | None,
    in_context: InContext = as_it_is,
) -> Sequence[Said]:
    """Return what a step, with its secrets, says of each operation; all are silence where it fails.

    Its failures are counted under `name`, without one they are not.
    """
    plugin = pipelines.plugins.at(Slot.MIDDLEWARE, step.plugin)
    if plugin is None or BEFORE_MOVES not in plugin.manifest.capabilities:
        log.error("gate_missing", tenant=tenant.slug, step=step.id, plugin=step.plugin)
        # Nobody knows that a plugin which is gone could not veto.
        return [Silent(matters=True)] * len(views)
    manifest, judge = plugin.manifest, cast("JudgesMoves", plugin)
    if asyncio.get_running_loop().time() >= until:
        log.warning("gate_failed", tenant=tenant.slug, step=step.id, error="no time is left")
        return [Silent(matters=manifest.fail_closed)] * len(views)

    async def ask(context: Context) -> Sequence[Said]:
        async with asyncio.timeout_at(until):
            judged: object = await judge.before_moves(context, views)
        if not isinstance(judged, Judged) or len(judged.judgements) != len(views):
            raise TypeError(f"a hook answers {len(views)} judgements, one for each operation")
        return [_word(one, tenant, step, manifest) for one in judged.judgements]

    peer = Peer(step, manifest, name, matters=manifest.fail_closed)
    said = await ask_plugin(pipelines, tenant, peer, ask, in_context=in_context)
    return [said] * len(views) if isinstance(said, Silent) else said


def _word(one: Judgement, tenant: TenantRef, step: Step, manifest: Manifest) -> Said:
    if one.veto is not None and not manifest.fail_closed:
        raise TypeError(ONLY_NOTES)
    if one.no_answer is not None:
        log.warning("gate_failed", tenant=tenant.slug, step=step.id, error=one.no_answer[:MAX_SAID])
        return Silent(matters=manifest.fail_closed)
    return one.veto or Annotated(annotations=one.annotations)


def _of_operation(refusal: Refusal, step: Step) -> Refusal:
    if refusal.code == "purchase_vetoed":
        return msgspec.structs.replace(refusal, code="operation_vetoed")
    detail = f"The hook {step.id} did not answer, so the operation is refused. Try again later."
    return msgspec.structs.replace(refusal, detail=detail)
