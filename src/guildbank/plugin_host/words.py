"""What plugins say, for logs and for people: nothing of it holds a secret of their settings."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from guildbank.plugin_api import Manifest

MAX_WORDS = 500
LEAST_SECRET = 4
"""Characters of a secret that is looked for in what is shown; shorter ones stand anywhere."""


def words_of(error: Exception, manifest: Manifest, settings: Mapping[str, Any]) -> str:
    """Return what a plugin raised, for people: its words, or of one without words its name."""
    return shown(_said(error), manifest, settings) or type(error).__name__


def whole_words_of(error: Exception, manifest: Manifest, settings: Mapping[str, Any]) -> str:
    """Return all that a plugin's exception says, as it is but for the secrets of its settings."""
    return without_secrets(_said(error), manifest, settings)


def for_the_log(
    error: Exception,
    manifest: Manifest,
    settings: Mapping[str, Any],
    hides: Callable[[str], str] = str,
) -> str:
    """Return what a plugin raised, for those who read logs: its name and its words.

    `hides` takes out of all the words what is no secret of the settings, before they are cut. The
    exception itself never goes into a log: nobody knows what else a plugin put into it.
    """
    name, words = type(error).__name__, shown(hides(_said(error)), manifest, settings)
    return f"{name}: {words}" if words else name


def without_secrets(text: str, manifest: Manifest, settings: Mapping[str, Any]) -> str:
    """Return a plugin's words with each secret of its settings replaced."""
    for secret in sorted(secrets_in(manifest, settings), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def shown(text: str, manifest: Manifest, settings: Mapping[str, Any]) -> str:
    """Return one line of a plugin's words for people, without secrets of its settings.

    It has MAX_WORDS characters at most and nothing that steers a terminal or turns a line round.
    """
    text = without_secrets(text, manifest, settings)
    # By category: C is what has no glyph, such as escapes, marks of direction and half characters.
    plain = "".join(" " if unicodedata.category(one)[0] == "C" else one for one in text)
    return " ".join(plain.split())[:MAX_WORDS]


def _said(error: Exception) -> str:
    try:
        return str(error)
    except Exception:  # how an exception shows itself is the plugin's code too
        return ""


def secrets_in(manifest: Manifest, settings: Mapping[str, Any]) -> Iterator[str]:
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
