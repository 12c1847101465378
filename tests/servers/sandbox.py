"""Starts the sandbox payment provider as a child process, for tests of payments.

    with SandboxServer(folder) as server:
        provider_settings = server.open_account()

The folder keeps its data, so a second server on it goes on where the first one ended.
"""

import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

_START_SECONDS = 30
_STOP_SECONDS = 10


class SandboxServer:
    """A running provider; `url` is where it listens. A context manager that stops it.

    Late captures and webhooks are `late_seconds` late; the `_timeout` methods keep a client
    waiting for `answer_delay_seconds`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        late_seconds: float = 0.6,
        answer_delay_seconds: float = 3.0,
        retry_base_seconds: float = 0.1,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = folder / "sandbox.sqlite"
        self._arguments = [
            f"--late-seconds={late_seconds}",
            f"--answer-delay-seconds={answer_delay_seconds}",
            f"--retry-base-seconds={retry_base_seconds}",
        ]
        self._process = self._start()

    def open_account(self, name: str = "Ember Isle") -> dict[str, object]:
        """Open an account and return settings of the sandbox provider that lead to it."""
        key, secret = f"key_{secrets.token_hex(16)}", f"whsec_{secrets.token_hex(16)}"
        account = {"api_key": key, "webhook_secret": secret, "name": name}
        response = httpx.post(f"{self.url}/v1/accounts", json=account, timeout=_START_SECONDS)
        response.raise_for_status()
        return {"base_url": self.url, "api_key": key, "webhook_secret": secret}

    def restart(self, *, kill: bool = False) -> None:
        """Stop or kill the server, and start it again on the same port and data."""
        if kill:
            self._process.kill()
        self.stop()
        self._process = self._start()

    def stop(self) -> int:
        """End the server if it still runs; return its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def command(self) -> list[str]:
        """Return the command line that starts this server."""
        place = [f"--port={self.port}", f"--data={self.data}", "--exit-with-parent"]
        return [sys.executable, "-m", "guildbank_sandbox.server", *place, *self._arguments]

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self.command())
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", timeout=1).is_success:
                    return process
            except httpx.TransportError:
                time.sleep(0.05)
        process.kill()
        process.wait()
        raise RuntimeError("the sandbox provider did not start")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
