"""Keeps what a plugin writes to logs and to its standard streams, and finds secrets in it."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import TextIOBase
from typing import Protocol, TextIO

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.manifest_checks import Declared
from guildbank.plugin_api.conformance.witness import scrub, secrets_in

_CLIENTS = frozenset({"asyncio", "httpcore", "httpx"})
"""What the core calls peers by. A deployment lets these log nothing below a warning."""


class Overheard(Declared, Protocol):
    """A stage that keeps what was said on it."""

    @property
    def heard(self) -> list[str]:
        """Each answer, exception, log line and print of the run so far."""
        ...


async def no_secret_is_shown(stage: Overheard) -> Verdict:
    """No answer, exception, log line or print of the whole run holds a secret setting."""
    secrets = secrets_in(stage.manifest, stage.settings)
    if not secrets:
        return NotRun("the settings hold no secret")
    for text in stage.heard:
        if any(secret in text for secret in secrets):
            return f"a secret stands in: {scrub(text, secrets)[:200]}"
    return None


@contextmanager
def listening(heard: list[str]) -> Iterator[None]:
    """Add every log record of any level, and every text that is printed, to the list."""
    root = logging.getLogger()
    ear, level = _Ear(heard), root.level
    root.addHandler(ear)
    root.setLevel(logging.DEBUG)
    try:
        with (
            redirect_stdout(_Echo(heard, sys.stdout)),
            redirect_stderr(_Echo(heard, sys.stderr)),
        ):
            yield
    finally:
        root.setLevel(level)
        root.removeHandler(ear)


class _Ear(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.DEBUG)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno < logging.WARNING and record.name.partition(".")[0] in _CLIENTS:
            return
        try:
            # A formatter of a deployment may print what this one does not, such as extra fields.
            self._heard += [self.format(record), repr(record.__dict__)]
        except Exception:  # as logging's own handlers do: a record that does not format is shown
            self.handleError(record)


class _Echo(TextIOBase):
    """Keeps what is written and passes it on."""

    def __init__(self, heard: list[str], stream: TextIO) -> None:
        self._heard = heard
        self._stream = stream

    def write(self, text: str) -> int:
        self._heard.append(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()
