"""Whoever follows the journal meets each entry once, in order, or stops and says why."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.economy import Economy, open_economy

from guildbank.infra.busy_tenants import busy_schemas
from guildbank.infra.database import Tx
from guildbank.journal import Entry, Listener, Pinger, Subscriber, pump
from guildbank.journal.cursors import behind


class Follower:
    """Writes what it reads into a table of the same database; may be told to fail."""

    def __init__(self, name: str, *, from_start: bool = True) -> None:
        self.name, self.from_start, self.fails = name, from_start, False

    async def handle(self, tx: Tx, schema: str, entries: Sequence[Entry]) -> None:
        for entry in entries:
            await tx.driver.execute("INSERT INTO seen VALUES ($1, $2)", self.name, entry.seq)
        if self.fails:
            raise RuntimeError("the follower's own trouble")


async def seen(economy: Economy, name: str) -> list[int]:
    rows = await economy.sql("SELECT seq FROM seen WHERE who = $1 ORDER BY seq", name)
    return [row[0] for row in rows]


@pytest.fixture
async def followed(economy: Economy) -> Economy:
    """Seven entries, and a table for what was seen."""
    await economy.sql("CREATE TABLE seen (who TEXT, seq BIGINT)")
    player = await economy.player()
    for _ in range(7):
        await economy.grant(player, 1)
    return economy


async def drain(economy: Economy, *subscribers: Subscriber) -> dict[str, str]:
    problems: dict[str, str] = {}
    for _ in range(20):
        done = await pump(economy.db, economy.schema, subscribers, limit=3)
        problems |= done.problems
        if not done.more:
            return problems
    raise AssertionError("there is always more")


async def test_every_subscriber_meets_every_entry_once_in_order(followed: Economy):
    one, two = Follower("one"), Follower("two")
    assert await drain(followed, one) == {}
    await followed.grant(await followed.player(), 1)
    assert await drain(followed, one, two) == {}
    assert await seen(followed, "one") == await seen(followed, "two") == list(range(1, 9))


async def test_two_workers_at_once_hand_out_no_entry_twice(followed: Economy):
    one = Follower("one")
    await asyncio.gather(*(drain(followed, one) for _ in range(4)))
    await drain(followed, one)
    assert await seen(followed, "one") == list(range(1, 8))


async def test_a_failing_subscriber_leaves_no_trace_and_stops_nobody(followed: Economy):
    good, bad = Follower("good"), Follower("bad")
    bad.fails = True
    problems = await drain(followed, bad, good)
    assert "the follower's own trouble" in problems["bad"]
    assert await seen(followed, "bad") == []
    assert await seen(followed, "good") == list(range(1, 8))
    bad.fails = False
    assert await drain(followed, bad, good) == {}
    assert await seen(followed, "bad") == list(range(1, 8))


async def test_a_sweep_passes_over_a_tenant_of_whom_all_was_read(followed: Economy):
    one, two = Follower("one"), Follower("two")

    async def is_behind() -> bool:
        found = await busy_schemas(followed.db, [followed.schema], behind(["one", "two"]))
        return bool(found)

    assert await is_behind()
    await drain(followed, one)
    assert await is_behind(), "the other one has no cursor yet"
    await drain(followed, one, two)
    assert not await is_behind()
    await followed.grant(await followed.player(), 1)
    assert await is_behind()
    await drain(followed, one, two)
    assert not await is_behind()
    # A journal that was cut or written anew is no place where anybody stands.
    await followed.sql("UPDATE journal_cursor SET batch_hash = decode('00', 'hex')")
    assert await is_behind()


async def test_a_newcomer_may_begin_at_the_newest_entry(followed: Economy):
    late = Follower("late", from_start=False)
    await drain(followed, late)
    await followed.grant(await followed.player(), 1)
    await drain(followed, late)
    assert await seen(followed, "late") == [8]


@pytest.mark.parametrize(
    ("vandal", "words"),
    [
        ("UPDATE journal_batch SET hash = sha256(hash) WHERE last_seq = 7", "has another hash"),
        (
            "WITH batch AS (DELETE FROM journal_batch WHERE last_seq = 7), "
            "transfer AS (DELETE FROM ledger_transfer WHERE seq = 7) "
            "DELETE FROM journal_entry WHERE seq = 7",
            "is gone",
        ),
    ],
)
async def test_a_cursor_stops_at_a_journal_it_does_not_know(
    followed: Economy, vandal: str, words: str
):
    one = Follower("one")
    await drain(followed, one)
    await followed.sql(vandal)
    assert words in (await drain(followed, one))["one"]
    await followed.grant(await followed.player(), 1)
    problem = (await drain(followed, one))["one"]
    assert problem.startswith("journal_mismatch")
    assert await seen(followed, "one") == list(range(1, 8))


async def test_a_commit_wakes_the_reader_and_the_sweep_finds_lost_pings(cluster_url: str):
    pinger = Pinger(cluster_url)
    async with open_economy(cluster_url, committed=pinger.committed) as economy:
        await economy.sql("CREATE TABLE seen (who TEXT, seq BIGINT)")
        one = Follower("one")

        async def tenants() -> list[str]:
            return [economy.schema]

        async def until(count: int, seconds: int = 10) -> None:
            async with asyncio.timeout(seconds):
                while len(await seen(economy, "one")) < count:  # noqa: ASYNC110 - the database tells
                    await asyncio.sleep(0.02)

        player = await economy.player()
        slow = Listener(economy.db, cluster_url, [one], tenants, sweep_seconds=600)
        running = asyncio.create_task(slow.run())
        await economy.grant(player, 1)
        await until(1)
        # The first sweep is over and the next one far away: this one comes by its ping.
        await asyncio.sleep(0.3)
        await economy.grant(player, 1)
        await until(2)
        await pinger.close()
        await cancelled(running)

        economy.journal._committed = lambda _schema: None
        quick = Listener(economy.db, cluster_url, [one], tenants, sweep_seconds=0.2)
        running = asyncio.create_task(quick.run())
        await asyncio.sleep(0.3)
        await economy.grant(player, 1)
        await until(3)
        await cancelled(running)


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_many_commits_become_few_pings(cluster_url: str):
    import asyncpg  # noqa: PLC0415 - the plain client of another process

    heard: list[object] = []
    listening = await asyncpg.connect(cluster_url)
    await listening.add_listener("guildbank_journal", lambda *ping: heard.append(ping[3]))
    pinger = Pinger(cluster_url)
    for _ in range(50):
        pinger.committed("t_one")
        pinger.committed("t_two")
        await asyncio.sleep(0.001)
    await pinger.close()
    async with asyncio.timeout(5):
        while not {"t_one", "t_two"} <= set(heard):  # noqa: ASYNC110 - a callback tells
            await asyncio.sleep(0.01)
    await listening.close()
    assert len(heard) <= 20
