"""Parts from plugins that run in this process: each may finish and let go, and none may stay."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from guildbank.plugin_api import PARTING, Manifest
from guildbank.plugin_host.words import for_the_log

log = structlog.get_logger(__name__)
_LEAVE_SECONDS = 0.1
"""How long a call that was given up may take to notice."""


async def part_with(plugin: Any) -> None:
    """Have it drain and close, as far as it has these verbs; it raises for nothing that it does."""
    for name, seconds in PARTING:
        verb = getattr(plugin, name, None)
        if callable(verb):
            await _within(verb, name, seconds, plugin.manifest)


async def _within(
    verb: Callable[[], Awaitable[object]], name: str, seconds: float, manifest: Manifest
) -> None:
    task = asyncio.create_task(_said(verb))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        # One that does not leave is left: the process ends whatever a plugin does.
        task.cancel()
        await asyncio.wait({task}, timeout=_LEAVE_SECONDS)
        log_parting(manifest, name, manifest.id, f"it was not done within {seconds:g} seconds")
    elif (error := task.result()) is not None:
        # Only its name: it knew the secrets of all its tenants, and here nobody does.
        said = for_the_log(error, manifest, {}, lambda _: "")
        log_parting(manifest, name, manifest.id, said)


async def _said(verb: Callable[[], Awaitable[object]]) -> Exception | None:
    """Return what the verb raised; an exit is no more than that here."""
    try:
        await verb()
    except SystemExit as left:
        return RuntimeError(f"exit {left.code}")
    except Exception as error:  # the process ends whatever a plugin does
        return error
    return None


def log_parting(manifest: Manifest, verb: str, whose: str, said: str) -> None:
    """Log that one did not drain or close as it should; `said` holds no secret."""
    log.warning(f"plugin_{verb}_failed", plugin=whose, version=manifest.version, error=said)
