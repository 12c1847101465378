"""Find what is wrong with the steps of a revision, before it can run."""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import (
    MAX_BYTES,
    MAX_STEPS,
    Placed,
    Problem,
    ScoreLimits,
    Stages,
    Step,
)
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.check_routes import of_routes
from guildbank.pipelines.usecases.know_secrets import know_secrets
from guildbank.plugin_api import BEFORE_MOVES, Manifest, Slot
from guildbank.plugin_host import Withheld, check_settings, own_problems, refused_place, words_of

log = structlog.get_logger(__name__)

STEP_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
MAX_PROBLEMS = 50


async def find_problems(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, stages: Stages, *, places: bool = True
) -> list[Problem]:
    """Return what is wrong, at most MAX_PROBLEMS of it; an empty list means that it can run.

    Without `places` it is not asked where addresses lead: of what was saved that is known, and the
    process at hand, such as a command of the host, may be let to others than the one that calls.
    """
    if len(msgspec.json.encode(stages)) > MAX_BYTES:
        return [Problem("stages", f"The steps take more than {MAX_BYTES} bytes as JSON.")]
    if stages == Stages():
        detail = "There is no step and no route. To run none, publish revision 0."
        return [Problem("stages", detail)]
    of_moves = purpose in pipelines.verbs
    found: list[Problem] = list(_of_purchases(stages)) if of_moves else []
    seen: set[str] = set()
    for name, (slot, steps) in stages.by_slot().items():
        if len(steps) > MAX_STEPS:
            found.append(Problem(f"stages.{name}", f"A slot has at most {MAX_STEPS} steps."))
        placed = [Placed(slot, step) for step in steps[:MAX_STEPS]]
        secrets = await know_secrets(pipelines, tenant, purpose, placed)
        for number, (_, step) in enumerate(placed):
            place = f"stages.{name}.{number}"
            if not STEP_ID.fullmatch(step.id):
                detail = "1 to 40 of a-z, 0-9 and -, beginning with a letter."
                found.append(Problem(f"{place}.id", detail))
            elif step.id in seen:
                detail = f"Another step is called {step.id} already."
                found.append(Problem(f"{place}.id", detail))
            seen.add(step.id)
            if name == "after" and _may_refuse(pipelines, slot, step):
                detail = "It may refuse, and after the credit nothing can: use one that only notes."
                found.append(Problem(f"{place}.plugin", detail))
            found += [
                one
                async for one in _of_step(
                    pipelines,
                    tenant,
                    slot,
                    step,
                    secrets[number],
                    place,
                    of_moves=of_moves,
                    places=places,
                )
            ]
    found += of_routes(pipelines, tenant, stages.routes)
    return found[:MAX_PROBLEMS]


def _of_purchases(stages: Stages) -> Iterator[Problem]:
    """Yield what only purchases have, where the pipeline is that of an operation on coins."""
    given = {
        "entry": stages.entry, "charges": stages.charges, "scorers": stages.scorers,
        "after": stages.after, "routes": stages.routes,
    }  # fmt: skip
    for name in (name for name, steps in given.items() if steps):
        yield Problem(f"stages.{name}", "Only purchases have these; use before and callbacks.")


def _may_refuse(pipelines: Pipelines, slot: Slot, step: Step) -> bool:
    plugin = pipelines.plugins.at(slot, step.plugin)
    return plugin is not None and plugin.manifest.fail_closed


async def _of_step(
    pipelines: Pipelines,
    tenant: TenantRef,
    slot: Slot,
    step: Step,
    secrets: Mapping[str, Any] | None,
    place: str,
    *,
    of_moves: bool,
    places: bool,
) -> AsyncIterator[Problem]:
    plugin = pipelines.plugins.at(slot, step.plugin)
    if plugin is None:
        detail = f"No plugin {step.plugin[:64]} of the slot {slot} is installed and in order."
        yield Problem(f"{place}.plugin", detail)
        return
    if isinstance(plugin, Withheld):
        yield Problem(f"{place}.plugin", "It is not run: the server runs in safe mode.")
        return
    if slot is not Slot.SCORER and step.limits != ScoreLimits():
        yield Problem(f"{place}.limits", "Only scorers have points to be limited.")
    manifest = plugin.manifest
    if of_moves and slot is Slot.MIDDLEWARE and BEFORE_MOVES not in manifest.capabilities:
        yield Problem(f"{place}.plugin", "It looks at purchases, and at no other operations.")
        return
    if manifest.sandbox and tenant.mode != "test":
        yield Problem(f"{place}.plugin", "It is for test tenants only.")
    shown = sorted(step.settings.keys() & manifest.secret_fields)
    if shown:
        detail = "It is a secret, which no revision holds. Set it as the secrets of the step."
        yield Problem(f"{place}.settings.{shown[0]}", detail)
        return
    if manifest.secret_fields and secrets is None:
        names = ", ".join(sorted(manifest.secret_fields))
        detail = f"The secrets of the step ({names}) are not set for these settings."
        yield Problem(f"{place}.settings", detail)
        return
    whole = {**step.settings, **(secrets or {})}
    refusal = check_settings(manifest, whole)
    if refusal is None and places:
        refusal = await refused_place(pipelines.egress, manifest, whole, tenant.id)
    if refusal is not None:
        yield _setting(refusal, place)
        return
    async for problem in _own_check(plugin, manifest, whole, place, of_moves=of_moves):
        yield problem


async def _own_check(
    plugin: object, manifest: Manifest, settings: Mapping[str, Any], place: str, *, of_moves: bool
) -> AsyncIterator[Problem]:
    try:
        found = await own_problems(plugin, settings, of_moves=of_moves)
    except Exception as error:  # settings that their own plugin cannot judge do not run
        said = words_of(error, manifest, settings)
        log.warning("settings_not_checked", plugin=manifest.id, error=said)
        yield Problem(f"{place}.settings", f"The plugin could not check them: {said}"[:500])
        return
    for one in found:
        yield Problem(f"{place}.settings.{one.field}"[:200], one.detail[:500])


def _setting(refusal: Refusal, place: str) -> Problem:
    return Problem(f"{place}.{refusal.field}", refusal.detail)


def refuse(problems: list[Problem]) -> Refusal | None:
    """Return the refusal that names the first problem, and all of them among its facts."""
    if not problems:
        return None
    first = problems[0]
    return Refusal(
        code="invalid_pipeline",
        detail=first.detail,
        field=first.field,
        extra={"problems": [f"{one.field}: {one.detail}" for one in problems]},
    )
