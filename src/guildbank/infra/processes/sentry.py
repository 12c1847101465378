"""The supervisor's end of its sentinel: tells it which process groups are in use."""

import contextlib
import subprocess

from guildbank.infra.processes.spawn import script_argv


class Sentry:
    """A sentinel process; it is started again when somebody ends it.

    `grace_seconds` is what the sentinel grants between SIGTERM and SIGKILL once we are gone.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._groups: set[int] = set()
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int | None:
        """The sentinel's process id."""
        return self._process.pid if self._process else None

    def add(self, group: int) -> None:
        """Name a group that must not outlive us."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Say that a group has ended, so that its number may be used by others."""
        if group in self._groups:
            self._groups.remove(group)
            self._tell(f"-{group}\n")

    def refresh(self) -> None:
        """Start the sentinel again if it has been ended."""
        if self._process and self._process.poll() is not None:
            self._restart()

    def close(self) -> None:
        """End the sentinel, which ends every group still named."""
        process, self._process = self._process, None
        if process and process.stdin:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()

    def _tell(self, line: str) -> None:
        if self._process is None or self._process.poll() is not None:
            self._restart()
            return
        try:
            self._write(line)
        except BrokenPipeError:
            self._restart()

    def _restart(self) -> None:
        if self._process:
            if self._process.stdin:
                with contextlib.suppress(BrokenPipeError):
                    self._process.stdin.close()
            self._process.wait()
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [*script_argv("sentinel.py"), str(self._grace_seconds)],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for group in self._groups:
            self._write(f"+{group}\n")

    def _write(self, line: str) -> None:
        if self._process and self._process.stdin:
            self._process.stdin.write(line)
            self._process.stdin.flush()
