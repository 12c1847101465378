"""Runs a real Redis, or Valkey, for tests of what workers share through one."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.guildbank import free_ports

from guildbank.infra.processes import launch_argv

_START_SECONDS = 20
PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


class RedisServer:
    """A server that keeps nothing on disk; a context manager that stops it.

    It may be paused, as a server is that hangs, and stopped and started, as one that crashed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_ports()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when it takes connections."""
        assert PROGRAM is not None, "guarded by the fixture"
        options = f"--bind 127.0.0.1 --port {self.port} --appendonly no --loglevel warning"
        argv = [PROGRAM, *options.split(), "--save", "", "--dir", str(self._folder)]
        # A test session that is killed leaves none behind.
        self._process = subprocess.Popen(launch_argv(argv, death_signal=signal.SIGKILL))
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError("redis-server did not start") from None
                time.sleep(0.02)

    def pause(self) -> None:
        """Let it hang: it holds its connections and answers nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it; what it knew is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
