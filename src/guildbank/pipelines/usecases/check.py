"""Find what is wrong with the steps of a revision, before it can run."""

import re
from collections.abc import Iterator

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import MAX_BYTES, MAX_STEPS, Problem, Stages, Step
from guildbank.pipelines.usecases import Pipelines
from guildbank.plugin_api import ChecksSettings, Slot
from guildbank.plugin_host import check_settings

log = structlog.get_logger(__name__)

STEP_ID = re.compile(r"[a-z][a-z0-9-]{0,39}")
MAX_PROBLEMS = 50


def find_problems(pipelines: Pipelines, tenant: TenantRef, stages: Stages) -> list[Problem]:
    """Return what is wrong, at most MAX_PROBLEMS of it; an empty list means that it can run."""
    if len(msgspec.json.encode(stages)) > MAX_BYTES:
        return [Problem("stages", f"The steps take more than {MAX_BYTES} bytes as JSON.")]
    found: list[Problem] = []
    seen: set[str] = set()
    for name, (slot, steps) in stages.by_slot().items():
        if len(steps) > MAX_STEPS:
            found.append(Problem(f"stages.{name}", f"A slot has at most {MAX_STEPS} steps."))
        for number, step in enumerate(steps[:MAX_STEPS]):
            place = f"stages.{name}.{number}"
            if not STEP_ID.fullmatch(step.id):
                detail = "1 to 40 of a-z, 0-9 and -, beginning with a letter."
                found.append(Problem(f"{place}.id", detail))
            elif step.id in seen:
                detail = f"Another step is called {step.id} already."
                found.append(Problem(f"{place}.id", detail))
            seen.add(step.id)
            found += _of_step(pipelines, tenant, slot, step, place)
    return found[:MAX_PROBLEMS]


def _of_step(
    pipelines: Pipelines, tenant: TenantRef, slot: Slot, step: Step, place: str
) -> Iterator[Problem]:
    plugin = pipelines.plugins.at(slot, step.plugin)
    if plugin is None:
        detail = f"No plugin {step.plugin[:64]} of the slot {slot} is installed and in order."
        yield Problem(f"{place}.plugin", detail)
        return
    manifest = plugin.manifest
    if manifest.sandbox and tenant.mode != "test":
        yield Problem(f"{place}.plugin", "It is for test tenants only.")
    if manifest.secret_fields:
        names = ", ".join(sorted(manifest.secret_fields))
        detail = f"It takes secrets ({names}), which a revision cannot hold."
        yield Problem(f"{place}.plugin", detail)
        return
    refusal = check_settings(manifest, step.settings)
    if refusal is not None:
        yield _setting(refusal, place)
    elif isinstance(plugin, ChecksSettings):
        yield from _own_check(plugin, step, place)


def _own_check(plugin: ChecksSettings, step: Step, place: str) -> Iterator[Problem]:
    try:
        found = list(plugin.check_settings(step.settings))
    except Exception as error:  # settings that their own plugin cannot judge do not run
        log.warning("settings_not_checked", plugin=step.plugin, error=repr(error))
        yield Problem(f"{place}.settings", "The plugin could not check them; its log says why.")
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
