"""Checks of a provider whose server answers wrongly: what is no clear answer is none."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple

from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.failure_checks import call_everything, led_to
from guildbank.plugin_api.conformance.networks import RUBBISH_BODIES
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage

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


async def server_errors_are_unknown(stage: Stage) -> Verdict:
    """500, 502 and 503 say nothing about what was done before them: raise or `unknown`."""
    bodies = (b"", b"<html>Bad gateway</html>", b'{"error": {"message": "internal"}}')
    return await _each(stage, [Answering(status, b) for status in (500, 502, 503) for b in bodies])


async def being_told_to_wait_is_unknown(stage: Stage) -> Verdict:
    """429 is about this request and not about an earlier one: raise or `unknown`."""
    return await _each(stage, [Answering(429, b"{}", {"retry-after": "60"})])


async def rubbish_is_unknown(stage: Stage) -> Verdict:
    """200 from whoever is not the provider is no answer of it: raise or `unknown`."""
    return await _each(stage, [Answering(200, body) for body in RUBBISH_BODIES])


async def a_cut_answer_is_unknown(stage: Stage) -> Verdict:
    """A connection that ends in the middle of an answer leaves open what was done."""
    body = b'{"id": "cut", "status": "succ'
    return await _each(stage, [Answering(200, body, missing=40), Answering(200, missing=2)])


async def a_late_answer_is_unknown(stage: Stage) -> Verdict:
    """An answer that begins at once and never ends takes no longer than the timeout."""
    return await _each(stage, [Answering(200, b" " * _HUGE_BYTES, drips=True)])


async def a_huge_answer_is_unknown(stage: Stage) -> Verdict:
    """An answer of megabytes is not read to its end, and is none."""
    return await _each(stage, [Answering(200, b'{"x": "' + b"x" * _HUGE_BYTES + b'"}')])


async def _each(stage: Stage, answers: list[Answering]) -> Verdict:
    """Return the first fault among all calls at a server for each of these answers."""
    if stage.rehearsal.redirected is None:
        return NotRun("the rehearsal cannot redirect the provider's address")
    for answer in answers:
        async with _server(answer) as server:
            settings = stage.rehearsal.redirected(stage.context.settings, server.url)
            fault = await call_everything(stage, led_to(stage, settings))
        if fault is not None:
            return f"{answer.status} and {answer.body[:30]!r}: {fault}"
        if not server.asked:
            return "no call reached the server: the address was not redirected"
    return None


class _Server:
    """A server's address, and how many requests it got."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0


@asynccontextmanager
async def _server(answer: Answering) -> AsyncIterator[_Server]:
    """Answer every request on a free loopback port, and hang up."""
    known = _Server()
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


CHECKS: tuple[CheckFunction, ...] = (
    server_errors_are_unknown,
    being_told_to_wait_is_unknown,
    rubbish_is_unknown,
    a_cut_answer_is_unknown,
    a_late_answer_is_unknown,
    a_huge_answer_is_unknown,
)
