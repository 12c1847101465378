"""The companies in this process, over real HTTP, a post for webhooks, and the studio's server.

They are served on loopback, so that plugins call them as they would. Since they are at hand, their
own books can be read, and what they told can be waited for without sleeping long.
"""

import asyncio
import sqlite3
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from litestar import Litestar
from tests.faults.matrix.studio import PATH, Studio
from tests.servers.sandbox import free_port

from guildbank_lab.app import create_app as create_lab
from guildbank_lab.bench import Bench
from guildbank_lab.config import Config as LabConfig
from guildbank_sandbox.server.config import Config as SandboxConfig

_POST = "/v1/webhooks/"
_LATE_SECONDS = 0.01


class Letter(NamedTuple):
    """A webhook as it came."""

    tenant: str
    provider: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Hall:
    """The running companies. `url` is the lab's, and where webhooks are to be sent."""

    url: str
    lab: Litestar
    sandbox_url: str
    sandbox_file: Path
    letters: list[Letter] = field(default_factory=list)
    studio: Studio = field(default_factory=Studio)

    @property
    def bench(self) -> Bench:
        """What all companies of the lab stand on."""
        found: Bench = self.lab.state.bench
        return found

    async def rest(self) -> None:
        """Wait until all that was told has arrived."""
        await self.bench.courier.rest()
        for _ in range(10_000):
            if not self.sandbox_rows("SELECT number FROM delivery WHERE state = 'waiting'"):
                return
            await asyncio.sleep(0.002)
        raise AssertionError("the sandbox still has something to tell")

    def sandbox_rows(self, sql: str, *values: object) -> list[Any]:
        """Read the sandbox's own books."""
        with sqlite3.connect(self.sandbox_file) as books:
            books.row_factory = sqlite3.Row
            rows = books.execute(sql, values).fetchall()
        books.close()
        return rows


@asynccontextmanager
async def open_hall(folder: Path) -> AsyncIterator[Hall]:
    """Serve the companies; webhooks are taken at once, and kept for whoever wants to deliver."""
    ports = free_port(), free_port()
    url, sandbox_url = (f"http://127.0.0.1:{port}" for port in ports)
    # A client that gets no answer is let go of at once: it is the silence that counts.
    lab_config = LabConfig(
        url=url, silence_seconds=0, late_seconds=_LATE_SECONDS, retry_seconds=0.01
    )
    sandbox_config = SandboxConfig(
        data=folder / "sandbox.sqlite", public_url=sandbox_url, answer_delay_seconds=0.05,
        late_seconds=_LATE_SECONDS, retry_base_seconds=0.01,
    )  # fmt: skip
    with warnings.catch_warnings():
        # In the processes of their own, where they run otherwise, these are no errors.
        warnings.simplefilter("ignore", DeprecationWarning)
        lab = create_lab(lab_config)
        sandbox = import_module("guildbank_sandbox.server.app").create_app(sandbox_config)
    hall = Hall(url, lab, sandbox_url, folder / "sandbox.sqlite")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(_POST):
            await _take(hall, scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == PATH:
            await _tell(hall, scope, receive, send)
        else:
            await lab(scope, receive, send)

    async with _served(app, ports[0]), _served(sandbox, ports[1]):
        yield hall


async def _take(hall: Hall, scope: Any, receive: Any, send: Any) -> None:
    headers, body = await _read(scope, receive)
    tenant, provider = scope["path"].removeprefix(_POST).split("/")
    hall.letters.append(Letter(tenant, provider, headers, body))
    await _answer(send, 204)


async def _tell(hall: Hall, scope: Any, receive: Any, send: Any) -> None:
    await _answer(send, await hall.studio.take(*await _read(scope, receive)))


async def _read(scope: Any, receive: Any) -> tuple[dict[str, str], bytes]:
    body, more = b"", True
    while more:
        part = await receive()
        body, more = body + part.get("body", b""), part.get("more_body", False)
    return {name.decode(): value.decode() for name, value in scope["headers"]}, body


async def _answer(send: Any, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def _served(app: Any, port: int) -> AsyncIterator[None]:
    server = Server(
        app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False,
        websockets=False,
    )  # fmt: skip
    serving = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(500):
            with suppress(httpx.TransportError):
                if (await client.get(f"http://127.0.0.1:{port}/healthz")).is_success:
                    break
            await asyncio.sleep(0.02)
    try:
        yield
    finally:
        server.stop()
        await serving
