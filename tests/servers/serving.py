"""Runs `guildbank serve` beside a deployment that is up, as an operator who scales out would."""

import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
from tests.servers.guildbank import GUILDBANK, GuildbankServer, environment, free_ports

_START_SECONDS = 60
_STOP_SECONDS = 40


class Serving:
    """One more HTTP server over the deployment's database; a context manager that stops it."""

    def __init__(self, home: GuildbankServer, *rooms: str) -> None:
        self.home = home
        self.port = free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self._options = [f"--rooms={','.join(rooms)}"] if rooms else []
        self._process: subprocess.Popen[bytes] | None = None

    def client(self) -> httpx.Client:
        """Return a client with the demo tenant's secret key."""
        demo = self.home.credentials.demo
        assert demo is not None
        headers = {"authorization": f"Bearer {demo.secret_key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, trust_env=False)

    def worker_pids(self) -> list[int]:
        """Return the processes that answer requests: the children of the one that was started."""
        assert self._process is not None
        return children_of(self._process.pid)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal to the parent process and wait for its end; return the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def __enter__(self) -> Self:
        place = [f"--port={self.port}", f"--data={self.home.folder}"]
        argv = [*GUILDBANK, "serve", *place, *self._options]
        provider = self.home.credentials.sandbox_url or ""
        variables = environment(
            GUILDBANK_URL=self.home.url,
            GUILDBANK_EGRESS_PLACES=provider.removeprefix("http://"),
        )
        self._process = subprocess.Popen(argv, env=variables)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError("guildbank serve did not start")
            time.sleep(0.05)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False


def children_of(pid: int) -> list[int]:
    """Return the children of a process, whichever of its threads began them."""
    tasks = Path(f"/proc/{pid}/task")
    texts = [(task / "children").read_text() for task in tasks.iterdir()]
    return [int(child) for text in texts for child in text.split()]
