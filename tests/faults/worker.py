"""A worker process for the fault tests: a journal that takes operations on stdin, one a line.

Arguments: the database's URL, the tenant's schema, and optionally a point at which the process
stops itself (SIGSTOP) the first time, as a machine that hangs would.
"""

import asyncio
import os
import signal
import sys

import msgspec
import structlog
from tests.loads import Op

from guildbank.infra import database
from guildbank.infra.database import Database
from guildbank.journal import Journal, Receipt


class Asked(msgspec.Struct):
    """An operation, numbered by the parent."""

    number: int
    op: Op


class Told(msgspec.Struct):
    """Its end: a receipt, or a sentence."""

    number: int
    receipt: Receipt | None
    trouble: str | None = None


class StopOnce:
    """A probe that stops the whole process at one point."""

    def __init__(self, point: str) -> None:
        self.point = point

    async def __call__(self, point: str) -> None:
        if point == self.point:
            self.point = ""
            os.kill(os.getpid(), signal.SIGSTOP)


async def serve(url: str, schema: str, stop_at: str) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    journal = Journal(Database(url, pool_size=4), probe=StopOnce(stop_at))
    decoder = msgspec.json.Decoder(Asked)
    running: set[asyncio.Task[None]] = set()

    async def run(asked: Asked) -> None:
        told = Told(asked.number, None)
        try:
            outcome = await journal.submit(schema, asked.op.act())
            if isinstance(outcome, Receipt):
                told.receipt = outcome
            else:
                told.trouble = outcome.code
        except Exception as error:
            told.trouble = repr(error)
        os.write(1, msgspec.json.encode(told) + b"\n")

    while line := await lines.readline():
        task = asyncio.create_task(run(decoder.decode(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    await journal.close()


if __name__ == "__main__":
    # Answers go to stdout.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    if os.environ.get("UNLIMITED_IDLE"):
        # The broken rule, for the test that shows why there is one.
        database._SESSION["idle_in_transaction_session_timeout"] = "0"
    asyncio.run(serve(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else ""))
