"""Starts servers over the filled database, sends loads at them, and weighs their workers."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import perf_counter

import msgspec

from bench.load import LOOPBACK, Load, Told
from bench.town import Town
from guildbank.infra.processes import own_environment
from guildbank.infra.processes.spawn import launch_argv

SERVER_POOL = 8
_START_SECONDS = 60.0
_marks = count(1)
_PSS = re.compile(r"^Pss:\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and its first process."""

    name: str
    port: int
    pid: int

    def workers(self) -> list[int]:
        """Return the processes that answer requests: the children of the first."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(child) for child in children]


@asynccontextmanager
async def serve(
    town: Town, workers: int, module: str = "guildbank.app.serving", **more: str
) -> AsyncIterator[Server]:
    """Run a server of the town's database; `module` is what `guildbank serve` runs, or a peer.

    `more` are settings in the form of the environment.
    """
    port = free_port()
    folder = town.data / f"server-{port}"
    folder.mkdir()
    (folder / "master.key").write_bytes((town.data / "master.key").read_bytes())
    (folder / "master.key").chmod(0o600)
    environment = own_environment(
        GUILDBANK_DATA=str(folder),
        GUILDBANK_DATABASE_URL=town.cluster.url(),
        GUILDBANK_PORT=str(port),
        GUILDBANK_WORKERS=str(workers),
        GUILDBANK_POOL_SIZE=str(SERVER_POOL),
        GUILDBANK_LOG_LEVEL="error",
        # What is measured is how much goes through, not how much one caller may send.
        GUILDBANK_ADDRESS_REQUESTS_PER_MINUTE="0",
        GUILDBANK_PLAYER_REQUESTS_PER_MINUTE="0",
        GUILDBANK_KEY_REQUESTS_PER_MINUTE="0",
        **more,
    )
    command = launch_argv([sys.executable, "-m", module], death_signal=signal.SIGTERM)
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        await until_ready(port, process)
        yield Server(f"{module} x{workers}", port, process.pid)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def until_ready(
    port: int, process: asyncio.subprocess.Process, patience_seconds: float = _START_SECONDS
) -> None:
    """Return when /readyz answers 200; raises when the process ends or takes too long."""
    give_up = perf_counter() + patience_seconds
    while not await ready(port):
        if process.returncode is not None:
            raise RuntimeError(f"the server ended with {process.returncode}")
        if perf_counter() > give_up:
            raise RuntimeError("the server did not get ready")
        await asyncio.sleep(0.01)


async def ready(port: int) -> bool:
    """Ask /readyz once."""
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n")
        return b" 200 " in await reader.readline()
    except OSError:
        return False
    finally:
        writer.close()


async def send(
    town: Town,
    server: Server,
    players: Sequence[str],
    connections: int = 1,
    seconds: float = 2.0,
    bulk: int = 0,
    logins: bool = False,
) -> Told:
    """Run one load of spends, bulk calls or sign-ins."""
    return await run_load(
        Load(
            port=server.port,
            token=town.client_key if logins else town.token,
            players=list(players),
            mark="",
            connections=connections,
            seconds=seconds,
            bulk=bulk,
            logins=logins,
        )
    )


async def run_load(load: Load) -> Told:
    """Run a load in a process of its own; any failed request is a defect of the benchmark.

    It gets a mark and a seed that no other has.
    """
    number = next(_marks)
    load.mark, load.seed = f"load-{os.getpid()}-{number}", number
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate(msgspec.json.encode(load))
    if process.returncode:
        raise RuntimeError("the load broke down")
    told = msgspec.json.decode(out, type=Told)
    if told.failures or not told.operations:
        raise RuntimeError(f"{told.failures} requests failed, the first: {told.first_failure}")
    return told


def cpu_seconds(pid: int) -> float:
    """Return what a process has used of processors, in user and kernel mode."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Return a process's proportional share of memory: pages that it shares count in part."""
    found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(found.group(1)) / 1024 if found else 0.0


def free_port() -> int:
    """Return a port of loopback that nobody listens on, and neither on the next one."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind((LOOPBACK, 0))
            port = int(one.getsockname()[1])
            try:
                two.bind((LOOPBACK, port + 1))
            except OSError:
                continue
            return port
