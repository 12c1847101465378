"""A connection lost in COMMIT: the chain says whether the batch is there, and it is there once."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.economy import Economy
from tests.journal.gates import Note, holding_the_lock, noted
from tests.loads import Op, audit, furnish, make_ops
from tests.servers.cutting_proxy import Cut, CuttingProxy, cutting

from guildbank.infra import database
from guildbank.infra.database import Database
from guildbank.journal import Journal, Receipt, Unavailable, writer

Through = tuple[CuttingProxy, Journal]


@pytest.fixture
async def through(cluster_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Through]:
    """A journal whose connections go through the proxy."""
    # A silent server is given up after a second instead of half a minute.
    monkeypatch.setattr(database, "_SILENCE_SECONDS", 1)
    with tempfile.TemporaryDirectory(prefix="cut-") as name:
        async with cutting(cluster_url, Path(name)) as (proxy, url):
            db = Database(url, pool_size=2)
            journal = Journal(db)
            yield proxy, journal
            await journal.close()
            await db.close()


@pytest.mark.parametrize("cut", ["before", "after", "unanswered"])
@pytest.mark.parametrize("times", [1, 2])
async def test_a_batch_lost_in_commit_is_there_exactly_once(
    economy: Economy, through: Through, cut: Cut, times: int
):
    proxy, journal = through
    players = await furnish(economy)
    ops = make_ops(1, players, 30)
    proxy.cuts = [cut] * times
    async with asyncio.timeout(20):
        answers = await asyncio.gather(*(journal.submit(economy.schema, op.act()) for op in ops))
    assert all(isinstance(answer, Receipt) and not answer.replayed for answer in answers)
    # The second cut met the batch sent again, or the question what became of it.
    assert proxy.cut == times
    await audit(economy.db, economy.schema, ops, keyless=len(players))


@pytest.mark.parametrize("cut", ["before", "after", "unanswered"])
async def test_acts_without_a_key_are_done_once_too(economy: Economy, through: Through, cut: Cut):
    proxy, journal = through
    proxy.cuts = [cut]
    async with asyncio.timeout(20):
        answers = await asyncio.gather(
            *(journal.submit(economy.schema, Note("app")) for _ in range(10))
        )
    seqs = [answer.seq for answer in answers if isinstance(answer, Receipt)]
    assert sorted(seqs) == list(range(1, 11))
    assert proxy.cut == 1
    assert await noted(economy) == 10


async def test_sending_again_without_asking_the_chain_does_keyless_acts_twice(
    economy: Economy, through: Through, monkeypatch: pytest.MonkeyPatch
):
    async def never(_self: object, _lost: object) -> bool:
        return False

    monkeypatch.setattr(writer._TenantRunner, "_was_committed", never)
    proxy, journal = through
    proxy.cuts = ["after"]
    assert isinstance(await journal.submit(economy.schema, Note("app")), Receipt)
    assert await noted(economy) == 2


async def test_when_the_chain_cannot_be_asked_the_caller_hears_that_it_may_have_happened(
    economy: Economy, through: Through, monkeypatch: pytest.MonkeyPatch
):
    (player,) = await furnish(economy, players=1)
    proxy, journal = through
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 1)
    op = Op("grant", player, 5, "unknown")
    proxy.cuts = ["after"]
    asked = asyncio.create_task(journal.submit(economy.schema, op.act()))
    while not proxy.cut:  # noqa: ASYNC110 - the proxy sets no events
        await asyncio.sleep(0.01)
    # Another worker takes the lock at once and keeps it.
    async with holding_the_lock(economy.db, economy.schema):
        with pytest.raises(Unavailable, match="may have happened"):
            await asked
    monkeypatch.undo()
    again = await economy.journal.submit(economy.schema, op.act())
    assert isinstance(again, Receipt)
    assert again.replayed
    await audit(economy.db, economy.schema, [op], keyless=1)
