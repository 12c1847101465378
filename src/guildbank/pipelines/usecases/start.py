"""Make the plugins of a revision ready in this process, before a payment needs them."""

import asyncio

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.pipelines.contracts import Problem, Stages
from guildbank.pipelines.usecases import Pipelines
from guildbank.plugin_api import Starts

log = structlog.get_logger(__name__)


async def start_steps(pipelines: Pipelines, tenant: TenantRef, stages: Stages) -> Problem | None:
    """Start every plugin that wants to be started; return the first that could not."""
    for name, (slot, steps) in stages.by_slot().items():
        for number, step in enumerate(steps):
            place = f"stages.{name}.{number}"
            plugin = pipelines.plugins.at(slot, step.plugin)
            if plugin is None:
                return Problem(f"{place}.plugin", f"The plugin {step.plugin} is not installed.")
            manifest = plugin.manifest
            if not isinstance(plugin, Starts):
                continue
            context = pipelines.context(tenant, manifest, step)
            try:
                async with asyncio.timeout(manifest.timeout_seconds):
                    await plugin.start(context)
            except Exception as error:  # whatever it is, the revision must not run without it
                log.warning("step_not_started", tenant=tenant.slug, step=step.id, error=repr(error))
                detail = f"{step.plugin} did not start: {type(error).__name__}."
                return Problem(place, detail)
    return None
