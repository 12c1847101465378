"""Stands between a client and PostgreSQL and cuts the connection around its COMMIT.

It reads the frontend's messages of protocol 3.0 (PostgreSQL manual, "Message Formats"): after the
start-up message each is a letter, four bytes of length that count themselves, and a body.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit, urlunsplit

SOCKET = ".s.PGSQL.5432"
COMMIT = b"COMMIT\0"
Cut = Literal["", "before", "after", "unanswered"]
"""Cut before the server sees the COMMIT, after it has answered, or never answer at all."""


class CuttingProxy:
    """`cuts` says what to do with the next COMMITs, in order; `cut` counts them.

    While it is not `flowing` it reads nothing from the server, like a client that was stopped;
    it stops by itself once `stop_after_bytes` have passed.
    """

    def __init__(self, server: str) -> None:
        self._server = server
        self.cuts: list[Cut] = []
        self.cut = 0
        self.stop_after_bytes: int | None = None
        self.flowing = asyncio.Event()
        self.flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends or it is cut."""
        back_reader, back_writer = await asyncio.open_unix_connection(self._server)
        silent = asyncio.Event()
        answers = asyncio.create_task(self._answers(back_reader, writer, silent))
        try:
            await self._asks(reader, back_writer, silent)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            for one in (writer, back_writer):
                one.close()
            answers.cancel()
            await asyncio.gather(answers, return_exceptions=True)

    async def _asks(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        size = await reader.readexactly(4)
        server.write(size + await reader.readexactly(int.from_bytes(size) - 4))
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(int.from_bytes(head[1:]) - 4)
            cut: Cut = self.cuts.pop(0) if head[:1] == b"Q" and body == COMMIT and self.cuts else ""
            if cut:
                self.cut += 1
            if cut == "before":
                return
            if cut:
                # The server's answer must not pass.
                silent.set()
            server.write(head + body)
            await server.drain()
            if cut == "after":
                # Long enough for a commit; the tests count on what the chain says, not on this.
                await asyncio.sleep(0.3)
                return

    def _count(self, passed: int) -> None:
        if self.stop_after_bytes is None:
            return
        self.stop_after_bytes -= passed
        if self.stop_after_bytes <= 0:
            self.stop_after_bytes = None
            self.flowing.clear()

    async def _answers(
        self, server: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await server.read(65_536):
                self._count(len(data))
                await self.flowing.wait()
                if not silent.is_set():
                    writer.write(data)
                    await writer.drain()
        if not silent.is_set():
            writer.close()


@asynccontextmanager
async def cutting(url: str, folder: Path) -> AsyncIterator[tuple[CuttingProxy, str]]:
    """Yield the proxy and the URL through it. `folder` needs a short path: sockets have limits."""
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    proxy = CuttingProxy(f"{host}/{SOCKET}")
    tasks: set[asyncio.Task[None]] = set()
    accept = _accepting(proxy, tasks)
    server = await asyncio.start_unix_server(accept, str(folder / SOCKET))
    try:
        yield proxy, urlunsplit(parts._replace(query=f"host={folder}"))
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _accepting(
    proxy: CuttingProxy, tasks: set[asyncio.Task[None]]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    return accept
