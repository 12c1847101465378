"""A loopback HTTP server that answers as told and remembers what it was asked.

async with Canned() as server:
    server.answer(200, {"id": "pi_1"})
    ...
    assert server.asked[0].path == "/v1/payment_intents"
"""

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

import msgspec


class Asked(msgspec.Struct, frozen=True):
    """A request as it came; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """Return the fields of a form body."""
        return dict(parse_qsl(self.body.decode()))


class Canned:
    """Gives the queued answers in order, then 200 with an empty object."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._answers: list[tuple[int, bytes]] = []
        self._arrived = asyncio.Condition()

    def answer(self, status: int, body: object) -> None:
        """Queue an answer."""
        self._answers.append((status, json.dumps(body).encode()))

    def answer_bytes(self, status: int, body: bytes) -> None:
        """Queue an answer that is no JSON."""
        self._answers.append((status, body))

    async def wait_for(self, wanted: Callable[[Asked], bool], timeout_seconds: float = 10) -> Asked:
        """Return the first request of this kind, now or when it comes."""
        async with asyncio.timeout(timeout_seconds), self._arrived:
            await self._arrived.wait_for(lambda: any(map(wanted, self.asked)))
        return next(filter(wanted, self.asked))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        pairs = (line.split(": ", 1) for line in lines if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        status, answer = self._answers.pop(0) if self._answers else (200, b"{}")
        head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(answer)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + answer)
        await writer.drain()
        writer.close()
        async with self._arrived:
            self.asked.append(Asked(method, path, headers, body))
            self._arrived.notify_all()
