"""A request leaves in one piece, whatever its size, and what is said early is heard."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from guildbank.infra.egress import Egress, EgressFailed
from guildbank.infra.egress.client import MAX_REQUEST_BYTES

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
DONE = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[str]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def test_head_and_body_are_one_piece() -> None:
    pieces = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            pieces.append(await reader.read(100_000))
            writer.write(DONE)
        writer.close()

    egress = Egress(private=True)
    async with listening(serve) as url:
        for _ in range(2):
            await egress.send("POST", url, body=b"coins=5", keep=True)
    assert [piece.endswith(b"\r\n\r\ncoins=5") for piece in pieces] == [True, True]
    await egress.close()


async def test_a_long_body_arrives_whole() -> None:
    body = bytes(range(256)) * (MAX_REQUEST_BYTES // 256)
    heard = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        heard.append(await reader.readexactly(len(body)))
        writer.write(DONE)
        writer.close()

    async with listening(serve) as url:
        answer = await Egress(private=True).send("POST", url, body=body)
    assert (answer.status, heard) == (200, [body])


async def test_an_answer_before_the_body_was_read_is_heard() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 413 Too Large\r\ncontent-length: 4\r\nconnection: close\r\n\r\nmuch"
        )
        await writer.drain()
        await reader.read()
        writer.close()

    async with listening(serve) as url:
        answer = await Egress(private=True).send("POST", url, body=b"x" * MAX_REQUEST_BYTES)
    assert (answer.status, answer.body) == (413, b"much")


async def test_a_connection_that_its_host_closed_meanwhile_is_opened_anew() -> None:
    count = 0
    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(DONE)
        writer.close()
        await writer.wait_closed()
        closed.set()

    egress = Egress(private=True)
    async with listening(serve) as url:
        for _ in range(2):
            closed.clear()
            assert (await egress.send("GET", url, keep=True)).status == 200
            await closed.wait()
    assert count == 2
    await egress.close()


async def test_a_host_that_hangs_up_instead_of_answering_is_named() -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with listening(serve) as url:
        with pytest.raises(EgressFailed, match=r"127\.0\.0\.1 did not answer"):
            await Egress(private=True).send("POST", url, body=b"x" * MAX_REQUEST_BYTES)
