"""What a supervisor is told about one child, and the errors it can end with."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from signal import Signals


class Restart(Enum):
    """When a child that ended by itself is started again."""

    ALWAYS = "always"
    ON_FAILURE = "on_failure"
    NEVER = "never"


@dataclass(frozen=True)
class Backoff:
    """Pauses between restarts, in seconds: doubling from `first` to `most`.

    A child that ran for `forget_after` starts again from `first`.
    """

    first: float = 0.2
    most: float = 30.0
    forget_after: float = 60.0

    def seconds(self, failures: int) -> float:
        """Return the pause after that many failures in a row; the first is 1."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.most)


@dataclass(frozen=True)
class Child:
    """A long-running program: how to start it, when it is ready, how to stop it.

    `argv` is the program and its arguments. `env` replaces the environment when given. `output`
    is a file that gets its output, appended; None leaves it on ours. `ready` is asked ten times a
    second until it says yes or `ready_seconds` are over; without it a child is ready at once.
    `stop_signal` asks it to drain, and after `grace_seconds` its whole group is killed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    folder: Path | None = None
    output: Path | None = None
    ready: Callable[[], Awaitable[bool]] | None = None
    ready_seconds: float = 30.0
    restart: Restart = Restart.ALWAYS
    backoff: Backoff = Backoff()
    stop_signal: Signals = Signals.SIGTERM
    grace_seconds: float = 20.0


class ChildFailedError(RuntimeError):
    """A child did not become ready on its first start, so nothing was left running."""


def ending(code: int) -> str:
    """Say in words how a process ended; `code` as subprocess gives it."""
    if code < 0:
        return f"killed by {Signals(-code).name}" if -code in set(Signals) else f"signal {-code}"
    return f"exit code {code}"
