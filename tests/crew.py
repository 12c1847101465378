"""Real worker processes that tests kill, stop and continue."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec
from tests.faults.worker import Asked, Told
from tests.loads import Op

from guildbank.journal import Receipt

ROOT = Path(__file__).parent.parent


def state_of(pid: int) -> str:
    """Return the letter of proc(5): R runs, S sleeps, T is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


class WorkerDied(Exception):
    """The process ended, or said that it could not do the operation."""


class Worker:
    """One process; `submit` sends it an operation and waits for what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._asks, self._lines = process, process.stdin, process.stdout
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Receipt]] = {}
        self._reader = asyncio.create_task(self._read())

    async def submit(self, op: Op) -> Receipt:
        number = next(self._numbers)
        future: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        if self._reader.done():
            raise WorkerDied
        self._asks.write(msgspec.json.encode(Asked(number, op)) + b"\n")
        return await future

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def stopped(self) -> None:
        """Return once the process has stopped itself."""
        while state_of(self._process.pid) != "T":  # noqa: ASYNC110 - the kernel sets no events
            await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """Kill it as the kernel would when memory runs out."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reader

    async def _read(self) -> None:
        try:
            while line := await self._lines.readline():
                if line.endswith(b"\n"):
                    self._hear(msgspec.json.decode(line, type=Told))
        finally:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(WorkerDied("the process ended"))

    def _hear(self, told: Told) -> None:
        future = self._waiting.pop(told.number)
        if future.done():
            return
        if told.receipt is None:
            future.set_exception(WorkerDied(told.trouble))
        else:
            future.set_result(told.receipt)


@asynccontextmanager
async def hire(
    url: str, schema: str, *, stop_at: str = "", unlimited_idle: bool = False
) -> AsyncIterator[Worker]:
    """Start a worker; kill what is left of it at the end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if unlimited_idle:
        environment["UNLIMITED_IDLE"] = "1"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.worker",
        url,
        schema,
        stop_at,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
        cwd=ROOT,
        limit=2**20,
    )
    worker = Worker(process)
    try:
        yield worker
    finally:
        await worker.kill()
