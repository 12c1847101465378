"""A worker that stops while rows are sent to it holds the journal in no state that a limit ends."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest
from tests.economy import Economy
from tests.journal.gates import Note, noted
from tests.servers.cutting_proxy import CuttingProxy, cutting

from guildbank.infra.database import Database
from guildbank.journal import (
    Driver,
    Journal,
    Need,
    Outcome,
    Receipt,
    Rows,
    Stage,
    Statement,
    Unavailable,
    store,
)

SIXTEEN_MEGABYTES = "SELECT repeat('x', 1_000) FROM generate_series(1, 16_000)"
BLOCKED = """
SELECT count(*)
FROM pg_stat_activity
WHERE wait_event = 'ClientWrite'
"""


class Bulk:
    """A shelf whose rows do not fit into the sockets between the server and a client."""

    order: ClassVar[int] = 99
    derived: ClassVar[bool] = False

    def __init__(self, proxy: CuttingProxy) -> None:
        self.proxy = proxy
        self.asked = 0

    def reading(self, keys: Sequence[str]) -> Statement:
        self.asked += 1
        if self.asked == 1:
            self.proxy.stop_after_bytes = 1_000_000
        return Statement(SIXTEEN_MEGABYTES, ())

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, str]:
        return {}

    def saving(self, changed: Mapping[str, str]) -> Sequence[Statement]:
        raise TypeError("read only")


class Bulky(Note):
    """Needs very much."""

    __slots__ = ("bulk",)

    def __init__(self, bulk: Bulk, key: str) -> None:
        super().__init__("app", key)
        self.bulk = bulk

    def needs(self, stage: Stage) -> Iterable[Need]:
        return ((self.bulk, "all"),)


@pytest.fixture
async def through(cluster_url: str) -> AsyncIterator[tuple[CuttingProxy, Journal]]:
    with tempfile.TemporaryDirectory(prefix="cut-") as name:
        async with cutting(cluster_url, Path(name)) as (proxy, url):
            db = Database(url, pool_size=2)
            journal = Journal(db)
            yield proxy, journal
            proxy.flowing.set()
            await journal.close()
            await db.close()


async def stop_reading(
    economy: Economy, proxy: CuttingProxy, journal: Journal
) -> "asyncio.Task[Outcome]":
    """Send a bulky act and return once the server waits for its worker to read."""
    stopped = asyncio.create_task(journal.submit(economy.schema, Bulky(Bulk(proxy), "stopped")))
    while (await economy.sql(BLOCKED))[0][0] == 0:  # noqa: ASYNC110 - it sets no events
        await asyncio.sleep(0.02)
    return stopped


async def test_a_worker_that_stops_reading_does_not_stop_the_tenant_and_ends_once(
    economy: Economy, through: tuple[CuttingProxy, Journal]
):
    proxy, journal = through
    stopped = await stop_reading(economy, proxy, journal)
    assert isinstance(await economy.journal.submit(economy.schema, Note("app", "on")), Receipt)
    assert not stopped.done()
    proxy.flowing.set()
    assert isinstance(await stopped, Receipt)
    assert await noted(economy) == 2


async def test_limits_of_the_database_alone_do_not_end_it(
    economy: Economy, through: tuple[CuttingProxy, Journal], monkeypatch: pytest.MonkeyPatch
):
    async def end_nobody(_driver: Driver) -> int:
        return 0

    monkeypatch.setattr(store, "end_stuck", end_nobody)
    proxy, journal = through
    stopped = await stop_reading(economy, proxy, journal)
    with pytest.raises(Unavailable):
        await economy.journal.submit(economy.schema, Note("app", "on"))
    proxy.flowing.set()
    await asyncio.gather(stopped, return_exceptions=True)
