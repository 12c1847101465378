"""Make the plugins of a revision ready in this process, before a payment needs them."""

import asyncio

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines.contracts import UNAVAILABLE, Chosen, OlderStep, Problem, Stages, Unread
from guildbank.pipelines.usecases import Pipelines, Started
from guildbank.pipelines.usecases.know_secrets import know_secrets, with_secrets
from guildbank.plugin_api import Context, Manifest, Starts
from guildbank.plugin_host import check_settings, words_of

log = structlog.get_logger(__name__)
AGAIN_SECONDS = 30
"""So long what did not start is left alone."""


async def start_steps(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, stages: Stages
) -> Problem | None:
    """Start every plugin that wants to be started; return the first that could not."""
    secrets = iter(await know_secrets(pipelines, tenant, purpose, stages.placed()))
    for name, (slot, steps) in stages.by_slot().items():
        for number, step in enumerate(steps):
            place, own = f"stages.{name}.{number}", next(secrets)
            plugin = pipelines.plugins.at(slot, step.plugin)
            if plugin is None and pipelines.plugins.safe:
                return Unread(f"{place}.plugin", f"{step.plugin} is not run in safe mode.")
            if plugin is None:
                return Problem(f"{place}.plugin", f"The plugin {step.plugin} is not installed.")
            manifest = plugin.manifest
            if isinstance(step, OlderStep):
                unread = check_settings(manifest, with_secrets(step, own).settings)
                if unread is not None:
                    by = step.written_by or "an older version"
                    detail = f"{step.plugin} {manifest.version} cannot use the settings of {by}."
                    return Unread(f"{place}.{unread.field}", f"{detail} {unread.detail}"[:500])
            if not isinstance(plugin, Starts):
                continue
            context = pipelines.context(tenant, manifest, with_secrets(step, own))
            said = await _start(plugin, manifest, context)
            if said is not None:
                log.warning("step_not_started", tenant=tenant.slug, step=step.id, error=said)
                detail = f"{step.plugin} did not start: {said}"
                ran = isinstance(step, OlderStep) or pipelines.plugins.safe
                return Unread(place, detail) if ran else Problem(place, detail)
    return None


async def _start(plugin: Starts, manifest: Manifest, context: Context) -> str | None:
    """Start a plugin; return why it did not, in its own words without its secrets."""
    limit = asyncio.timeout(manifest.timeout_seconds)
    try:
        async with limit:
            await plugin.start(context)
    except Exception as error:  # whatever it is, the revision must not run without it
        if limit.expired():
            return f"it was not ready within {manifest.timeout_seconds} seconds."
        return words_of(error, manifest, context.settings)
    return None


async def make_ready(
    pipelines: Pipelines,
    tenant: TenantRef,
    purpose: str,
    number: int,
    stages: Stages,
    *,
    anew: bool = False,
) -> Problem | None:
    """Start the revision's steps once in this process, or `anew`.

    What did not start is tried again later, AGAIN_SECONDS from when that was known.
    """
    key, time = (tenant.schema, purpose, number), asyncio.get_running_loop().time
    # Plugins that are replaced meanwhile leave these behind: their successors begin anew.
    started, starting = pipelines.started, pipelines.starting
    known = started.get(key)
    if not anew and known is not None and (known.problem is None or time() < known.again_at):
        return known.problem
    # One that hangs keeps no other revision waiting, and no other tenant.
    async with starting.setdefault(key, asyncio.Lock()):
        met = started.get(key)
        if met is None or met is known:
            problem = await start_steps(pipelines, tenant, purpose, stages)
            # The start may have taken longer than the pause: it is counted from its end.
            met = started[key] = Started(problem, time() + AGAIN_SECONDS)
    return met.problem


async def ready(pipelines: Pipelines, tenant: TenantRef, runs: Chosen) -> Chosen | Refusal:
    """Return what was chosen, or what ran before it where that does not start in this process.

    Refusal: `pipeline_unavailable`.
    """
    problem = await make_ready(pipelines, tenant, runs.purpose, runs.number, runs.stages)
    if problem is None:
        return runs
    if isinstance(problem, Unread):
        # It was published and ran: what an older revision does not forbid must not pass for it.
        return UNAVAILABLE
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        stages = await pipelines.stages(tx.driver, tenant.schema, runs.purpose, runs.before)
    if stages is None:
        return UNAVAILABLE
    problem = await make_ready(pipelines, tenant, runs.purpose, runs.before, stages)
    return UNAVAILABLE if problem else Chosen(runs.purpose, runs.before, stages)
