"""Ask the steps that may veto, in order: one that cannot answer refuses."""

import asyncio
from collections.abc import Sequence
from typing import Protocol, cast

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import Placed, Step
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
) -> dict[str, str] | Refusal:
    """Return the annotations of all steps together.

    Refusals: `purchase_vetoed`, and `gate_unavailable` where a step raises, is late, answers
    something else or is not installed any more, unless its manifest says that it only annotates.
    """
    notes: dict[str, str] = dict(purchase.annotations)
    known = await know_secrets(pipelines, tenant, purchase.purpose, steps)
    for (slot, step), secrets in zip(steps, known, strict=True):
        found = _gate(pipelines, slot, step)
        if found is None:
            log.error("gate_missing", tenant=tenant.slug, step=step.id, plugin=step.plugin)
            return _unavailable(step)
        plugin, ask = found
        manifest = plugin.manifest
        view = msgspec.structs.replace(purchase, annotations=dict(notes))
        try:
            async with asyncio.timeout(manifest.timeout_seconds):
                answer = await ask(
                    pipelines.context(tenant, manifest, with_secrets(step, secrets)), view
                )
            if not isinstance(answer, Annotated | Veto):
                raise TypeError(f"a gate answers Annotated or Veto, not {type(answer).__name__}")
        except Exception as error:  # a gate that cannot answer refuses
            log.warning("gate_failed", tenant=tenant.slug, step=step.id, error=repr(error))
            if not manifest.fail_closed:
                continue
            return _unavailable(step)
        if isinstance(answer, Veto):
            return Refusal(
                code="purchase_vetoed",
                detail=answer.detail[:MAX_ANNOTATION_TEXT],
                extra={"veto": answer.code[:MAX_CODE], "step": step.id, "plugin": step.plugin},
            )
        for name, value in answer.annotations.items():
            if len(notes) < MAX_ANNOTATIONS:
                notes[f"{step.id}.{name}"[:MAX_ANNOTATION_NAME]] = value[:MAX_ANNOTATION_TEXT]
    return notes


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
