"""Try whether whom a plugin calls answers, and say so without a secret of its settings."""

import asyncio
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

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
        if not limit.expired():
            return Tried(False, words_of(error, manifest, context.settings))
        return Tried(False, f"There was no answer within {manifest.timeout_seconds} seconds.")
    except Exception as error:  # it is the plugin's way to say that nobody answered
        log.info("connection_not_answered", plugin=manifest.id, error=type(error).__name__)
        return Tried(False, words_of(error, manifest, context.settings))
    return Tried(True, shown(str(said), manifest, context.settings))


def words_of(error: Exception, manifest: Manifest, settings: Mapping[str, Any]) -> str:
    """Return what a plugin raised, for people: its words, or of one without words its name."""
    try:
        said = str(error)
    except Exception:  # how an exception shows itself is the plugin's code too
        said = ""
    return shown(said, manifest, settings) or type(error).__name__


def shown(text: str, manifest: Manifest, settings: Mapping[str, Any]) -> str:
    """Return one line of a plugin's words for people, without secrets of its settings.

    It has MAX_WORDS characters at most and nothing that steers a terminal or turns a line round.
    """
    for secret in sorted(_secrets(manifest, settings), key=len, reverse=True):
        text = text.replace(secret, "***")
    # By category: C is what has no glyph, such as escapes, marks of direction and half characters.
    plain = "".join(" " if unicodedata.category(one)[0] == "C" else one for one in text)
    return " ".join(plain.split())[:MAX_WORDS]


def _secrets(manifest: Manifest, settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield secrets, and the words of those that are several in one text."""
    for name in manifest.secret_fields:
        for value in _texts(settings.get(name)):
            yield from (one for one in (value, *value.split()) if len(one) >= LEAST_SECRET)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
