"""PostgreSQL and workers are killed in mid-load, for real, and every operation ends once."""

import asyncio
import os
import random
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from tests.crew import Worker, hire
from tests.economy import Economy, open_economy
from tests.loads import (
    Ledgered,
    Missed,
    Op,
    audit,
    count_missed,
    drive,
    furnish,
    make_ops,
    settle,
)
from tests.no_secrets_in_logs import refuse_secrets_in_logs

from guildbank.infra.postgres import Cluster
from guildbank.journal import Outcome

TITLE = "real kill -9 in mid-load"
SEED = 20261121
WORKERS = 2
OPS = 30_000
CALLERS = 24
KILLS = (
    "postmaster",
    "worker",
    "backend",
    "worker",
    "postmaster",
    "worker",
    "backend",
    "worker",
) * 2
MOST_SECONDS = 240
"""So that it ends at all; how fast it is depends on what else the machine does."""

PICK_BACKEND = """
SELECT pid
FROM pg_stat_activity
WHERE application_name = 'guildbank'
  AND pid <> pg_backend_pid()
ORDER BY state = 'idle', random()
LIMIT 1
"""


@pytest.fixture
def doomed() -> Iterator[Cluster]:
    """A server of our own to kill; it starts again by itself."""
    with tempfile.TemporaryDirectory(prefix="guildbank-kills-") as name:
        Path(name).chmod(0o755)
        with Cluster(Path(name) / "cluster", shared_buffers="64MB") as running:
            yield running
        refuse_secrets_in_logs(Path(name))


class Crew:
    """The workers at hand; one that is killed is replaced at once."""

    def __init__(self, stack: AsyncExitStack, url: str, schema: str, rng: random.Random) -> None:
        self.stack, self.url, self.schema, self.rng = stack, url, schema, rng
        self.workers: list[Worker] = []

    async def fill(self) -> None:
        while len(self.workers) < WORKERS:
            self.workers.append(await self.stack.enter_async_context(hire(self.url, self.schema)))

    async def submit(self, op: Op) -> Outcome:
        # A pace that lets a kill fall between many batches rather than into one queue.
        await asyncio.sleep(self.rng.random() * 0.02)
        return await self.rng.choice(self.workers).submit(op)

    async def kill_one(self) -> None:
        worker = self.workers.pop(self.rng.randrange(len(self.workers)))
        await worker.kill()
        await self.fill()


async def kill(what: str, crew: Crew, cluster: Cluster, economy: Economy) -> None:
    if what == "worker":
        await crew.kill_one()
    elif what == "postmaster":
        while (pid := cluster.pid) is None:  # noqa: ASYNC110 - a thread starts it again
            await asyncio.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    else:
        for (pid,) in await economy.sql(PICK_BACKEND):
            os.kill(pid, signal.SIGKILL)


async def killing(
    crew: Crew, cluster: Cluster, economy: Economy, told: Ledgered, tally: Counter[str]
) -> None:
    """Kill one after the other, each time once the load is well under way again."""
    for what in KILLS:
        enough = len(told.receipts) + crew.rng.randint(200, 600)
        while len(told.receipts) < enough:  # noqa: ASYNC110 - a look now and then will do
            await asyncio.sleep(0.02)
        await kill(what, crew, cluster, economy)
        tally[f"{what}s killed"] += 1


async def test_every_acknowledged_operation_survives_kills_and_none_happens_twice(
    doomed: Cluster, tally: Counter[str]
):
    rng = random.Random(SEED)
    async with (
        asyncio.timeout(MOST_SECONDS),
        open_economy(doomed.url()) as economy,
        AsyncExitStack() as stack,
    ):
        players = await furnish(economy, players=8)
        crew = Crew(stack, doomed.url(), economy.schema, rng)
        await crew.fill()
        told, ops = Ledgered(), make_ops(SEED, players, OPS)
        load = asyncio.create_task(drive(crew.submit, ops, told, CALLERS))
        await killing(crew, doomed, economy, told, tally)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        acknowledged = len(told.receipts)
        keys = [op.key_hash for op in ops if op.key in told.receipts]
        survived = await count_missed(economy.db, economy.schema, keys, len(players))
        # Nobody helped: the same workers answer, and know what was done. They are sent in order.
        sent = ops[: acknowledged + len(told.unanswered) + CALLERS]
        replayed = 0
        for start in range(0, len(sent), 1_000):
            replayed += await settle(crew.workers[0].submit, sent[start : start + 1_000], told)
        keys = [op.key_hash for op in sent]
        settled = await count_missed(economy.db, economy.schema, keys, len(players))
        tally["operations lost"] += survived.lost + settled.lost
        tally["operations doubled"] += settled.doubled
        assert survived == settled == Missed(lost=0, doubled=0)
        await audit(economy.db, economy.schema, sent, keyless=len(players))
    tally["operations acknowledged in mid-load"] += acknowledged
    tally["operations unanswered and sent again"] += len(told.unanswered)
    tally["of these committed already"] += replayed - acknowledged
