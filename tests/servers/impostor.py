"""A loopback server that plays a real host, with TLS that a test authority vouches for.

async with Impostor("partner.steam-api.com") as server:
    server.answer(200, {"response": {}})
    egress = server.egress()      # resolves that name, and no other, to here

What is sent is what a provider would send, byte for byte if a test wants: `answer_bytes`.
"""

import asyncio
import json
import ssl
from collections.abc import Callable, Sequence
from functools import cache
from types import TracebackType
from typing import Self

import trustme
from tests.servers.canned import Asked

from guildbank.infra.egress import Egress

Reply = Callable[[Asked], bytes]


@cache
def authority() -> trustme.CA:
    """One authority for the whole run: making its key takes longer than a test."""
    return trustme.CA()


def trust() -> ssl.SSLContext:
    """Return what believes the authority and no other."""
    context = ssl.create_default_context()
    authority().configure_trust(context)
    return context


def page(status: int, body: bytes, *lines: str) -> bytes:
    """Return an answer as it goes over the wire."""
    head = "\r\n".join((f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *lines))
    return f"{head}\r\nconnection: close\r\n\r\n".encode() + body


def json_page(status: int, body: object) -> bytes:
    """Return a JSON answer as it goes over the wire."""
    return page(status, json.dumps(body).encode(), "content-type: application/json")


class Impostor:
    """Answers for the given hosts; without any, it speaks plain HTTP."""

    def __init__(self, *hosts: str) -> None:
        self.hosts = hosts
        self.asked: list[Asked] = []
        self.port = 0
        self._replies: list[bytes] = []
        self._rules: list[tuple[str, Reply]] = []
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where it listens, by the address."""
        return f"{'https' if self.hosts else 'http'}://127.0.0.1:{self.port}"

    def answer(self, status: int, body: object) -> None:
        """Queue a JSON answer."""
        self._replies.append(json_page(status, body))

    def answer_bytes(self, raw: bytes) -> None:
        """Queue an answer byte for byte; an empty one is silence."""
        self._replies.append(raw)

    def on(self, path: str, reply: Reply) -> None:
        """Answer requests for a path, queries aside, by a function, whenever they come."""
        self._rules.insert(0, (path, reply))

    def egress(self, *, private: bool = True) -> Egress:
        """Return the core's client in a world where the hosts are here and no others are."""

        async def resolve(host: str, port: int) -> Sequence[str]:
            if host not in self.hosts:
                raise OSError(f"{host} is not known")
            return ["127.0.0.1"]

        return _OnPort(self.port, private=private, resolve=resolve, trust=trust())

    async def __aenter__(self) -> Self:
        context = None
        if self.hosts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority().issue_cert(*self.hosts).configure_cert(context)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            asked = await _read(reader)
            self.asked.append(asked)
            raw = self._reply(asked)
            if not raw:
                await reader.read()
            writer.write(raw)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    def _reply(self, asked: Asked) -> bytes:
        for path, reply in self._rules:
            if asked.path.partition("?")[0] == path:
                return reply(asked)
        return self._replies.pop(0) if self._replies else json_page(404, {})


class _OnPort(Egress):
    """The core's client, for hosts whose port 443 is another port of this machine."""

    def __init__(self, port: int, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._port = port

    async def _send(self, client, method, target, addresses, headers, body):
        return await super()._send(
            client, method, target.copy_with(port=self._port), addresses, headers, body
        )


async def _read(reader: asyncio.StreamReader) -> Asked:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, path, headers, body)
