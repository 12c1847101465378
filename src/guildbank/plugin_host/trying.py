"""Try whether whom a plugin calls answers, and say so without a secret of its settings."""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import structlog

from guildbank.plugin_api import Context, Manifest, TriesConnection
from guildbank.plugin_host.apart import Withheld

log = structlog.get_logger(__name__)
MAX_WORDS = 500
LEAST_SECRET = 4
"""Characters of a secret that is looked for in what is shown; shorter ones stand anywhere."""


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
        late = f"There was no answer within {manifest.timeout_seconds} seconds."
        return Tried(False, shown(late if limit.expired() else _words(error), manifest, context))
    except Exception as error:  # it is the plugin's way to say that nobody answered
        log.info("connection_not_answered", plugin=manifest.id, error=type(error).__name__)
        return Tried(False, shown(_words(error), manifest, context))
    return Tried(True, shown(str(said), manifest, context))


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def shown(text: str, manifest: Manifest, context: Context) -> str:
    """Return one line of a plugin's words for people, without secrets of its settings."""
    for secret in sorted(_secrets(manifest, context), key=len, reverse=True):
        text = text.replace(secret, "***")
    return " ".join(text.replace("\x00", " ").split())[:MAX_WORDS]


def _secrets(manifest: Manifest, context: Context) -> Iterator[str]:
    """Yield secrets, and the words of those that are several in one text."""
    for name in manifest.secret_fields:
        value = context.settings.get(name)
        if isinstance(value, str):
            yield from (one for one in (value, *value.split()) if len(one) >= LEAST_SECRET)
