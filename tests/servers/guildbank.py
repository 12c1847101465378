"""Runs `guildbank up` as a person would, for tests from outside.

    with GuildbankServer(folder) as server:
        server.client().get("/v1/packs")

The folder keeps its data, so a second server on it goes on where the first one ended. A folder that
is not there yet is a copy of one that was started before, unless a first start is to be seen.
"""

import atexit
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from guildbank.app.credentials import Credentials, read_credentials

_START_SECONDS = 120
_STOP_SECONDS = 60
GUILDBANK = [sys.executable, "-m", "guildbank.app.cli"]


class GuildbankServer:
    """A deployment in `folder`; a context manager that starts and stops it."""

    def __init__(
        self,
        folder: Path,
        *options: str,
        port: int | None = None,
        variables: Mapping[str, str] | None = None,
        first: bool = False,
        lab: bool = False,
    ) -> None:
        """`first` lets a folder that is not there be made by the server, with keys of its own.

        Few tests need its `lab`, and every process costs the others time.
        """
        self.folder = folder
        self.port = port or free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        # What it shows to its user, once with keys, and what it logs, never with any.
        self._shown = folder.with_name(f"{folder.name}.shown")
        self._log = folder.with_name(f"{folder.name}.log")
        self._options = options if lab else (*options, "--no-lab")
        self.variables = dict(variables or {})
        # What is copied has a demo.
        self._first = first or "--no-demo" in options
        self._logged_before = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of `guildbank up`."""
        assert self._process is not None
        return self._process.pid

    @property
    def credentials(self) -> Credentials:
        """The keys that the server keeps for its owner."""
        kept = read_credentials(self.folder / "credentials.json")
        assert kept is not None
        return kept

    @property
    def environment(self) -> dict[str, str]:
        """What a person exports to work with this server."""
        return environment(GUILDBANK_DATA=str(self.folder), GUILDBANK_URL=self.url)

    def client(self, key: str | None = None) -> httpx.Client:
        """Return a client with a key, that of the demo tenant when none is given."""
        demo = self.credentials.demo
        secret = key or (demo.secret_key if demo else self.credentials.deployment_key)
        return httpx.Client(
            base_url=self.url,
            headers={"authorization": f"Bearer {secret}"},
            timeout=30,
            trust_env=False,
            # It goes on with the process that knows its key, however slow the test is meanwhile.
            limits=httpx.Limits(keepalive_expiry=_STOP_SECONDS),
        )

    def run(self, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the command line and return how it ended."""
        return run(*arguments, **{**self.environment, **changes})

    def on_terminal(self, *arguments: str) -> str:
        """Run a command in a terminal that somebody looks at, and return what is shown."""
        return on_terminal(*arguments, **self.environment)

    def start(self) -> None:
        """Start `guildbank up` and wait until it has said that it is ready."""
        if not self._first and not self.folder.exists():
            copy_data(started_before(), self.folder)
        argv = [*GUILDBANK, "up", f"--port={self.port}", f"--data={self.folder}", *self._options]
        with self._shown.open("wb") as shown, self._log.open("ab") as log:
            self._logged_before = log.tell()
            self._process = subprocess.Popen(
                argv,
                stdout=shown,
                stderr=log,
                env=environment(**self.variables),
                start_new_session=True,
            )
        deadline = time.monotonic() + _START_SECONDS
        while "Ctrl-C stops everything" not in self.said():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"guildbank up did not start:\n{self.said()}")
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end; return the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def said(self) -> str:
        """Return what was shown and logged since the last start."""
        with self._log.open("rb") as log:
            log.seek(self._logged_before)
            return self._shown.read_text() + log.read().decode()

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


@cache
def started_before() -> Path:
    """Return a data folder with a demo, of a server that has stopped."""
    place = Path(tempfile.mkdtemp(prefix="guildbank-started-"))
    # The database's user passes through it on the way to its own folders.
    place.chmod(0o711)
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    with GuildbankServer(place / "data", first=True):
        pass
    return place / "data"


def copy_data(folder: Path, to: Path) -> None:
    """Copy a data folder with its owners, as a person does who moves a deployment."""
    subprocess.run(["cp", "--archive", str(folder), str(to)], check=True)


def environment(**changes: str) -> dict[str, str]:
    """Return the environment of a person who has set nothing of Guildbank but this.

    All tests call from one address, and some send thousands of bad credentials: it has no limit.
    All is logged, so that no secret in it escapes.
    """
    most = {"GUILDBANK_ADDRESS_REQUESTS_PER_MINUTE": "0", "GUILDBANK_LOG_LEVEL": "debug"}
    changes = {**most, **changes}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GUILDBANK_")}
    return {**kept, **changes}


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `guildbank` with these arguments and variables; what it logs is the test's own too."""
    ended = subprocess.run(
        [*GUILDBANK, *arguments],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=_START_SECONDS,
        check=False,
    )
    sys.stderr.write(ended.stderr)
    return ended


def free_ports() -> int:
    """Return a loopback port that is free together with the two above it."""
    while True:
        with socket.socket() as low, socket.socket() as middle, socket.socket() as high:
            low.bind(("127.0.0.1", 0))
            port: int = low.getsockname()[1]
            try:
                middle.bind(("127.0.0.1", port + 1))
                high.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port


def on_terminal(*arguments: str, **changes: str) -> str:
    """Run a command whose output is a terminal, and return what is shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*GUILDBANK, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env=environment(**{**changes, "TERM": "dumb", "COLUMNS": "200"}),
    ):  # fmt: skip
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65_536):
                shown += part
        except OSError:
            # Linux says so when nobody holds the other end any more.
            pass
    os.close(ours)
    return shown.decode()
