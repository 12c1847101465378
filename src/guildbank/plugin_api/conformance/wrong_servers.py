"""Servers that answer wrongly, for plugins to be led to: no plugin takes such an answer for one."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

_HUGE_BYTES = 4 * 1024 * 1024
_DRIP_SECONDS = 0.05
_REASONS = {200: "OK", 429: "Too Many Requests", 500: "Internal Server Error"}


class Answering(NamedTuple):
    """What a server answers to every request.

    It promises `missing` bytes more than it sends before it hangs up. One that `drips` sends a
    byte now and then, and comes to no end in time.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    missing: int = 0
    drips: bool = False


CUT = (Answering(200, b'{"id": "cut", "status": "succ', missing=40), Answering(200, missing=2))
"""Answers that end before their time."""
LATE = (Answering(200, b" " * _HUGE_BYTES, drips=True),)
"""An answer that begins at once and comes to no end."""
HUGE = (Answering(200, b'{"x": "' + b"x" * _HUGE_BYTES + b'"}'),)
"""An answer of megabytes, which the core's client does not take."""


class Known:
    """A server's address, and how many requests it got."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0


@asynccontextmanager
async def answering(answer: Answering) -> AsyncIterator[Known]:
    """Answer every request on a free loopback port, and hang up."""
    known = Known()
    writers: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await _take(reader)
            known.asked += 1
            await _give(writer, answer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    known.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield known
    finally:
        server.close()
        for writer in writers:
            # What the other side has not read of a huge answer would keep the connection open.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
        await server.wait_closed()


async def _take(reader: asyncio.StreamReader) -> None:
    """Read one request, so that hanging up is no reset."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, rest = head.partition(b"content-length:")
    length = rest.partition(b"\r\n")[0].strip()
    if length.isdigit():
        await reader.readexactly(int(length))


async def _give(writer: asyncio.StreamWriter, answer: Answering) -> None:
    length = len(answer.body) + answer.missing
    lines = [
        f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Error')}",
        "content-type: application/json",
        f"content-length: {length}",
        "connection: close",
        *(f"{name}: {value}" for name, value in answer.headers.items()),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    if not answer.drips:
        writer.write(answer.body)
        await writer.drain()
        return
    # Until the other side or the check has had enough of it.
    while not writer.is_closing():
        writer.write(answer.body[:1])
        await writer.drain()
        await asyncio.sleep(_DRIP_SECONDS)
