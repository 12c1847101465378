"""Ask the steps that may veto, in order: one that cannot answer refuses."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import NamedTuple, Protocol, cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import Answer, Passage, Placed, Step
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.know_secrets import know_secrets, with_secrets
from guildbank.plugin_api import (
    MAX_ANNOTATION_NAME,
    MAX_ANNOTATION_TEXT,
    MAX_ANNOTATIONS,
    Annotated,
    Context,
    Entry,
    Middleware,
    Plugin,
    PurchaseView,
    Slot,
    Veto,
)

log = structlog.get_logger(__name__)
MAX_CODE = 64


class _Asks(Protocol):
    async def __call__(self, context: Context, purchase: PurchaseView) -> Annotated | Veto: ...


async def ask_gates(
    pipelines: Pipelines, tenant: TenantRef, steps: Sequence[Placed], purchase: PurchaseView
) -> Passage:
    """Return what each step said, up to the first that refuses.

    Refusals: `purchase_vetoed`, and `gate_unavailable` where a step raises, is late, answers
    something else or is not installed any more, unless its manifest says that it only annotates.
    """
    notes: dict[str, str] = dict(purchase.annotations)
    answers: list[Answer] = []
    known = await know_secrets(pipelines, tenant, purchase.purpose, steps)
    for (slot, step), secrets in zip(steps, known, strict=True):
        view = msgspec.structs.replace(purchase, annotations=dict(notes))
        began = perf_counter()
        said = await _ask(pipelines, tenant, Placed(slot, with_secrets(step, secrets)), view)
        answer, refusal = _read(slot, step, said, notes)
        micros = round((perf_counter() - began) * 1e6)
        answers.append(msgspec.structs.replace(answer, micros=micros))
        if refusal is not None:
            return Passage(tuple(answers), refusal)
    return Passage(tuple(answers), None)


class _Silent(NamedTuple):
    """No answer; `matters` where the step may veto."""

    matters: bool


async def _ask(
    pipelines: Pipelines, tenant: TenantRef, placed: Placed, view: PurchaseView
) -> Annotated | Veto | _Silent:
    slot, step = placed
    found = _gate(pipelines, slot, step)
    if found is None:
        log.error("gate_missing", tenant=tenant.slug, step=step.id, plugin=step.plugin)
        return _Silent(matters=True)
    plugin, ask = found
    manifest, histories = plugin.manifest, pipelines.histories
    context = msgspec.structs.replace(
        pipelines.context(tenant, manifest, step),
        history=None if histories is None else histories.of(tenant),
    )
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            answer = await ask(context, view)
        if not isinstance(answer, Annotated | Veto):
            raise TypeError(f"a gate answers Annotated or Veto, not {type(answer).__name__}")
    except Exception as error:  # a gate that cannot answer refuses
        log.warning("gate_failed", tenant=tenant.slug, step=step.id, error=repr(error))
        return _Silent(matters=manifest.fail_closed)
    return answer


def _read(
    slot: Slot, step: Step, said: Annotated | Veto | _Silent, notes: dict[str, str]
) -> tuple[Answer, Refusal | None]:
    """Return the record of an answer, and the refusal that it is; its notes are added."""
    record = Answer(slot=slot, step=step.id, plugin=step.plugin, verdict="passed")
    if isinstance(said, _Silent):
        if not said.matters:
            return msgspec.structs.replace(record, verdict="ignored"), None
        return msgspec.structs.replace(record, verdict="failed"), _unavailable(step)
    if isinstance(said, Veto):
        code = said.code[:MAX_CODE]
        refusal = Refusal(
            code="purchase_vetoed",
            detail=said.detail[:MAX_ANNOTATION_TEXT],
            extra={"veto": code, "step": step.id, "plugin": step.plugin},
        )
        return msgspec.structs.replace(record, verdict="vetoed", code=code), refusal
    own: dict[str, str] = {}
    for name, value in said.annotations.items():
        if len(notes) < MAX_ANNOTATIONS:
            whole = f"{step.id}.{name}"[:MAX_ANNOTATION_NAME]
            own[whole] = notes[whole] = value[:MAX_ANNOTATION_TEXT]
    return msgspec.structs.replace(record, notes=own), None


def _gate(pipelines: Pipelines, slot: Slot, step: Step) -> tuple[Plugin, _Asks] | None:
    """Return the step's plugin and what asks it: both slots of gates run by the same rule."""
    plugin = pipelines.plugins.at(slot, step.plugin)
    if plugin is None:
        return None
    if slot is Slot.ENTRY:
        return plugin, cast("Entry", plugin).admit
    return plugin, cast("Middleware", plugin).before_provider


def _unavailable(step: Step) -> Refusal:
    return Refusal(
        code="gate_unavailable",
        detail=f"The check {step.id} did not answer, so the purchase is refused. Try again later.",
        extra={"step": step.id, "plugin": step.plugin},
    )
