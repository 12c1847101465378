"""One run of the PostgreSQL server process: start, wait until ready, stop."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from guildbank.infra.postgres.birth import SERVER_ENVIRONMENT
from guildbank.infra.postgres.errors import ClusterError
from guildbank.infra.postgres.layout import Layout
from guildbank.infra.postgres.orphans import record_server, serves, status_lines
from guildbank.infra.postgres.settings import KEPT_LOG_FILES
from guildbank.infra.processes import ending, launch_argv

_POLL_SECONDS = 0.02
_TAIL_BYTES = 4000
_IMMEDIATE_SECONDS = 10.0


class Server:
    """A running postmaster. It gets a fast shutdown when the thread that made it ends."""

    def __init__(self, layout: Layout, binaries: Path, arguments: Sequence[str]) -> None:
        self._layout = layout
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        output = os.open(layout.start_log, flags, 0o600)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a program of the wheel
                launch_argv(
                    # Whoever stands in a folder may use it without walking the way there.
                    [str(binaries / "postgres"), "-D", "/proc/self/cwd", *arguments],
                    death_signal=signal.SIGINT,
                    account=layout.account,
                ),
                cwd=layout.data,
                env=SERVER_ENVIRONMENT,
                umask=0o077,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Not the terminal's business: Ctrl-C must not reach it before the workers drain.
                start_new_session=True,
            )
        finally:
            os.close(output)
        record_server(layout, self.pid)

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def end(self) -> str:
        """Say how the process ended."""
        return ending(self._process.wait())

    def wait_ready(self, seconds: float, cancelled: Callable[[], bool]) -> None:
        """Return when the server takes connections; raise ClusterError when it will not."""
        deadline = time.monotonic() + seconds
        while not is_ready(self._layout, self.pid):
            if cancelled():
                raise ClusterError("PostgreSQL was stopped before it was ready.")
            if not self.alive():
                raise ClusterError(
                    f"PostgreSQL ended while starting ({self.end()}). It said:\n{self._said()}"
                )
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"PostgreSQL is not ready after {seconds:g} s. After a crash it replays its "
                    f"log first, which can take minutes on a slow disk. It said:\n{self._said()}"
                )
            time.sleep(_POLL_SECONDS)

    def stop(self, seconds: float) -> None:
        """Shut down fast (roll back what is open, write a checkpoint); harder after `seconds`."""
        for number, patience in (
            (signal.SIGINT, seconds),
            (signal.SIGQUIT, _IMMEDIATE_SECONDS),
            (signal.SIGKILL, _IMMEDIATE_SECONDS),
        ):
            if not self.alive():
                return
            self._process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        if self.alive():
            raise ClusterError(
                f"PostgreSQL (process {self.pid}) does not end, not even killed: the disk is "
                "probably not answering. See `dmesg`."
            )

    def _said(self) -> str:
        logs = [self._layout.start_log, *log_files(self._layout)[-1:]]
        return "\n".join(text for path in logs if (text := _tail(path))) or "(nothing)"


def is_ready(layout: Layout, pid: int | None = None) -> bool:
    """Whether a server (the one with `pid`, if given) takes connections; it writes so itself."""
    lines = status_lines(layout.data)
    if len(lines) < 8 or lines[7] != "ready" or (pid is not None and lines[0] != str(pid)):
        return False
    return serves(int(lines[0]), layout.data)


def log_files(layout: Layout) -> list[Path]:
    """Return the server's log files, the oldest first; their names are times."""
    return sorted(layout.log.glob("postgresql-*.log"))


def drop_old_logs(layout: Layout) -> None:
    """Keep the newest log files; each is bounded by log_rotation_size."""
    for path in log_files(layout)[:-KEPT_LOG_FILES]:
        path.unlink(missing_ok=True)


def _tail(path: Path) -> str:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL_BYTES))
            return file.read().decode(errors="replace").strip()
    except OSError:
        return ""
