"""Starts a studio's server in JavaScript, which judges purchases and knows nothing of Python.

with JudgeServer(secret) as judge:
    judge.url    # where it is asked

`make test` installs what it verifies signatures by, where there is Node 20 or later.
"""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

FOLDER = Path(__file__).parent / "judge"
_STOP_SECONDS = 5


def is_installed() -> bool:
    """Say whether there is a Node and what `make test` installs for it."""
    return shutil.which("node") is not None and (FOLDER / "node_modules/standardwebhooks").is_dir()


class JudgeServer:
    """A running server; `url` is its address. A context manager that stops it."""

    def __init__(self, secret: str) -> None:
        node = shutil.which("node")
        assert node is not None
        self._process = subprocess.Popen(
            [node, FOLDER / "server.mjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "SECRET": secret},
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        if not self.url:
            self.stop()
            raise RuntimeError("the judge did not start; it said why on stderr")

    def stop(self) -> None:
        """Close its input, which ends it, and wait for it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
