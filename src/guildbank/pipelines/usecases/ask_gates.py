"""Ask the steps that may veto, in order: one that cannot answer refuses."""

import asyncio
from collections.abc import Callable, Sequence
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
HIDDEN = "(address)"


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
        said = await ask_step(pipelines, tenant, Placed(slot, with_secrets(step, secrets)), view)
        said = _without_address(said, purchase.address)
        answer, refusal = read_answer(slot, step, said, notes)
        micros = round((perf_counter() - began) * 1e6)
        answers.append(msgspec.structs.replace(answer, micros=micros))
        if refusal is not None:
            return Passage(tuple(answers), refusal)
    return Passage(tuple(answers), None)


class Silent(NamedTuple):
    """No answer; `matters` where the step may veto. `code` says why, where it is known."""

    matters: bool
    code: str | None = None


async def ask_step(
    pipelines: Pipelines,
    tenant: TenantRef,
    placed: Placed,
    view: PurchaseView,
    in_context: Callable[[Context], Context] = lambda context: context,
) -> Annotated | Veto | Silent:
    """Ask one step, with its secrets among its settings; what is no answer in time is none.

    A plugin that failed too often is left alone for a while, which is no answer either.
    """
    slot, step = placed
    found = _gate(pipelines, slot, step)
    if found is None:
        log.error("gate_missing", tenant=tenant.slug, step=step.id, plugin=step.plugin)
        return Silent(matters=True)
    plugin, ask = found
    manifest, histories = plugin.manifest, pipelines.histories
    rate = pipelines.rates.of((tenant.schema, slot, step.plugin))
    if not rate.allows():
        return Silent(matters=manifest.fail_closed, code="quarantined")
    worked = False
    try:
        async with asyncio.timeout(manifest.timeout_seconds):
            context = msgspec.structs.replace(
                pipelines.context(tenant, manifest, step),
                history=None if histories is None else histories.of(tenant),
            )
            answer = await ask(in_context(context), view)
        if not isinstance(answer, Annotated | Veto):
            raise TypeError(f"a gate answers Annotated or Veto, not {type(answer).__name__}")
        worked = True
    except Exception as error:  # a gate that cannot answer refuses
        log.warning("gate_failed", tenant=tenant.slug, step=step.id, error=repr(error))
        return Silent(matters=manifest.fail_closed)
    finally:
        if rate.tell(worked=worked):
            log.error("plugin_quarantined", tenant=tenant.slug, step=step.id, plugin=step.plugin)
    return answer


def read_answer(
    slot: Slot, step: Step, said: Annotated | Veto | Silent, notes: dict[str, str]
) -> tuple[Answer, Refusal | None]:
    """Return the record of an answer, and the refusal that it is; its notes are added."""
    record = Answer(slot=slot, step=step.id, plugin=step.plugin, verdict="passed")
    if isinstance(said, Silent):
        if not said.matters:
            return msgspec.structs.replace(record, verdict="ignored", code=said.code), None
        failed = msgspec.structs.replace(record, verdict="failed", code=said.code)
        return failed, _unavailable(step)
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


def _without_address(
    said: Annotated | Veto | Silent, address: str | None
) -> Annotated | Veto | Silent:
    """Return what is said without the buyer's address: a record is kept of it, and not of that."""
    if address is None or isinstance(said, Silent):
        return said
    if isinstance(said, Veto):
        return msgspec.structs.replace(said, detail=said.detail.replace(address, HIDDEN))
    hidden = {
        name.replace(address, HIDDEN): text.replace(address, HIDDEN)
        for name, text in said.annotations.items()
    }
    return msgspec.structs.replace(said, annotations=hidden)


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
