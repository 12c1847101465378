"""Try whether whom a plugin calls answers, and say so without a secret of its settings."""

import asyncio
from typing import NamedTuple

import structlog

from guildbank.plugin_api import Context, Manifest, TriesConnection
from guildbank.plugin_host.apart import Withheld
from guildbank.plugin_host.words import shown, words_of

log = structlog.get_logger(__name__)


class Tried(NamedTuple):
    """Whether somebody answered, None where the plugin tries nothing, and a sentence about it."""

    answered: bool | None
    detail: str


async def try_connection(plugin: object, manifest: Manifest, context: Context) -> Tried:
    """Return how it went. Whatever the plugin raises, a time-out too, is no answer."""
    if isinstance(plugin, Withheld):
        return Tried(None, "It is not run: the server runs in safe mode.")
    if not isinstance(plugin, TriesConnection):
        return Tried(None, "The plugin calls nobody, or does not say whether they answer.")
    limit = asyncio.timeout(manifest.timeout_seconds)
    try:
        async with limit:
            said = await plugin.test_connection(context)
    except TimeoutError as error:
        if not limit.expired():
            return Tried(False, words_of(error, manifest, context.settings))
        return Tried(False, f"There was no answer within {manifest.timeout_seconds} seconds.")
    except Exception as error:  # it is the plugin's way to say that nobody answered
        log.info("connection_not_answered", plugin=manifest.id, error=type(error).__name__)
        return Tried(False, words_of(error, manifest, context.settings))
    return Tried(True, shown(str(said), manifest, context.settings))
