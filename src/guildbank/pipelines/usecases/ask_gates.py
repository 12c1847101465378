"""Ask the steps that may refuse, in order: one that cannot answer refuses."""

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Protocol, cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.pipelines.contracts import Answer, Passage, Placed, Step
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.know_secrets import know_secrets, with_secrets
from guildbank.pipelines.usecases.read_answers import (
    Said,
    Silent,
    check_score,
    read_answer,
    without_address,
)
from guildbank.plugin_api import (
    Annotated,
    Context,
    Entry,
    Manifest,
    Middleware,
    Plugin,
    PurchaseView,
    Scored,
    Scorer,
    Slot,
    Veto,
)

log = structlog.get_logger(__name__)


InContext = Callable[[Context, Manifest], Context]
"""Makes of a step's context the one in which it is asked."""


def _as_it_is(context: Context, _: Manifest) -> Context:
    return context


class _Asks(Protocol):
    async def __call__(
        self, context: Context, purchase: PurchaseView
    ) -> Annotated | Veto | Scored: ...


async def ask_gates(
    pipelines: Pipelines,
    tenant: TenantRef,
    steps: Sequence[Placed],
    purchase: PurchaseView,
    in_context: InContext = _as_it_is,
) -> Passage:
    """Return what each step said, up to the first that refuses.

    Refusals: `purchase_vetoed`, and `gate_unavailable` where a step raises, is late, answers
    something else or is not installed any more, unless its manifest says that it only annotates,
    or it is a scorer whose step refuses from no number of points.
    """
    notes: dict[str, str] = dict(purchase.annotations)
    answers: list[Answer] = []
    known = await know_secrets(pipelines, tenant, purchase.purpose, steps)
    for (slot, step), secrets in zip(steps, known, strict=True):
        view = msgspec.structs.replace(purchase, annotations=dict(notes))
        began = perf_counter()
        placed = Placed(slot, with_secrets(step, secrets))
        said = await ask_step(pipelines, tenant, placed, view, in_context)
        answer, refusal = read_answer(slot, step, said, notes, purchase.address)
        micros = round((perf_counter() - began) * 1e6)
        answers.append(msgspec.structs.replace(answer, micros=micros))
        if refusal is not None:
            return Passage(tuple(answers), refusal)
    return Passage(tuple(answers), None)


async def ask_step(
    pipelines: Pipelines,
    tenant: TenantRef,
    placed: Placed,
    view: PurchaseView,
    in_context: InContext = _as_it_is,
) -> Said:
    """Ask one step, with its secrets among its settings; what is no answer in time is none.

    A plugin that failed too often is left alone for a while, which is no answer either.
    """
    slot, step = placed
    found = _gate(pipelines, slot, step)
    if found is None:
        log.error("gate_missing", tenant=tenant.slug, step=step.id, plugin=step.plugin)
        return Silent(matters=_matters(None, placed))
    plugin, ask, answers = found
    manifest, histories = plugin.manifest, pipelines.histories
    matters = _matters(manifest, placed)
    rate = pipelines.rates.of((tenant.schema, slot, step.plugin))
    if not rate.allows():
        return Silent(matters=matters, code="quarantined")
    worked = False
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            context = msgspec.structs.replace(
                pipelines.context(tenant, manifest, step),
                history=None if histories is None else histories.of(tenant),
            )
            answer = await ask(in_context(context, manifest), view)
        if not isinstance(answer, answers):
            names = " or ".join(one.__name__ for one in answers)
            raise TypeError(f"a {slot} answers {names}, not {type(answer).__name__}")
        if isinstance(answer, Scored):
            check_score(answer)
        worked = True
    except Exception as error:  # a gate that cannot answer refuses
        said = without_address(repr(error), view.address)
        log.warning("gate_failed", tenant=tenant.slug, step=step.id, error=said)
        return Silent(matters=matters)
    finally:
        if rate.tell(worked=worked):
            log.error("plugin_quarantined", tenant=tenant.slug, step=step.id, plugin=step.plugin)
    return answer


def _matters(manifest: Manifest | None, placed: Placed) -> bool:
    """Say whether the purchase is refused where the step says nothing; None stands for a plugin
    that is gone, of which nobody knows that it could not veto.
    """
    if placed.slot is Slot.SCORER:
        return placed.step.limits.refuse_from is not None
    return manifest is None or manifest.fail_closed


def _gate(
    pipelines: Pipelines, slot: Slot, step: Step
) -> tuple[Plugin, _Asks, tuple[type, ...]] | None:
    """Return the step's plugin, what asks it, and what it may answer: all run by the same rule."""
    plugin = pipelines.plugins.at(slot, step.plugin)
    if plugin is None:
        return None
    if slot is Slot.SCORER:
        return plugin, cast("Scorer", plugin).score, (Scored,)
    if slot is Slot.ENTRY:
        return plugin, cast("Entry", plugin).admit, (Annotated, Veto)
    return plugin, cast("Middleware", plugin).before_provider, (Annotated, Veto)
