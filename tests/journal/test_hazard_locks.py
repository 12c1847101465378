"""What the write protocol is for: each rule is kept, and shown to lose when it is broken."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import asyncpg
import pytest
from tests.architecture.test_ownership import blocking_locks
from tests.architecture.tree import product
from tests.economy import Economy, open_economy
from tests.journal.rivals import COMMITS, DROP_UNIQUE, WRITERS, race
from tests.loads import LockingGrant, Op, furnish

from guildbank.infra.batching import Batcher
from guildbank.infra.database import Database, begin_statement
from guildbank.journal import Journal, Receipt, RowLock, store, writer
from guildbank.journal.contracts import Driver
from guildbank.wallets.contracts import Grant

ALL = WRITERS * COMMITS


@pytest.fixture
async def wide(cluster_url: str) -> AsyncIterator[Economy]:
    """An economy with a connection for each rival."""
    async with open_economy(cluster_url) as economy:
        db = Database(cluster_url, pool_size=WRITERS + 2)
        yield Economy(db, economy.journal, economy.schema)
        await db.close()


# The lock and the read, fused in one statement: the snapshot is older than the lock.


@pytest.mark.parametrize("indexes", [True, False])
async def test_reading_after_the_lock_loses_nothing(wide: Economy, indexes: bool):
    if not indexes:
        await drop_unique(wide)
    assert await race(wide, fused=False) == (ALL, 0, ALL)


async def test_lock_and_read_in_one_statement_lose_money(wide: Economy):
    await drop_unique(wide)
    raced = await race(wide, fused=True)
    assert raced.errors == 0
    assert raced.done == ALL
    assert raced.balance < ALL // 2, "every writer was told that its coin is there"


async def test_unique_offsets_make_the_stale_read_an_error_instead(wide: Economy):
    raced = await race(wide, fused=True)
    assert raced.errors > ALL // 4
    assert raced.balance == raced.done


async def test_eight_journals_on_one_account_lose_nothing(wide: Economy):
    (player,) = await furnish(wide, players=1)
    journals = [Journal(wide.db) for _ in range(WRITERS)]

    async def writer(journal: Journal, number: int) -> None:
        for turn in range(COMMITS):
            op = Op("grant", player, 1, f"{number}-{turn}")
            assert isinstance(await journal.submit(wide.schema, op.act()), Receipt)

    await asyncio.gather(*(writer(journal, n) for n, journal in enumerate(journals)))
    ((balance,),) = await wide.sql("SELECT credited FROM ledger_account WHERE owner = $1", player)
    assert balance == 1_000 + ALL


async def drop_unique(economy: Economy) -> None:
    async with economy.db.begin(economy.schema) as tx:
        await tx.driver.execute(DROP_UNIQUE)


# FOR UPDATE against foreign keys: inserting a child waits for the parent's lock.

FAMILY = """
CREATE TABLE parent (id text PRIMARY KEY);
CREATE TABLE child (parent text REFERENCES parent);
INSERT INTO parent VALUES ('a'), ('b');
"""


async def cross_insert(economy: Economy, lock: str) -> Sequence[BaseException | None]:
    """Two transactions lock a parent each and then insert a child of the other's parent."""
    both = asyncio.Barrier(2)

    async def one(mine: str, other: str) -> None:
        async with economy.db.begin(economy.schema) as tx:
            await tx.driver.execute(f"SELECT 1 FROM parent WHERE id = '{mine}' {lock}")
            await both.wait()
            await tx.driver.execute("INSERT INTO child VALUES ($1)", other)

    return await asyncio.gather(one("a", "b"), one("b", "a"), return_exceptions=True)


async def test_locks_for_no_key_update_do_not_stop_foreign_keys(economy: Economy):
    async with economy.db.begin(economy.schema) as tx:
        await tx.driver.execute(FAMILY)
    assert not any(await cross_insert(economy, "FOR NO KEY UPDATE"))


async def test_locks_for_update_deadlock_against_foreign_keys(economy: Economy):
    async with economy.db.begin(economy.schema) as tx:
        await tx.driver.execute(FAMILY)
    ended = await cross_insert(economy, "FOR UPDATE")
    assert [type(error) for error in ended if error] == [asyncpg.DeadlockDetectedError]


def test_no_statement_of_ours_locks_for_update():
    assert not [finding for source in product() for finding in blocking_locks(source)]
    assert "FOR NO KEY UPDATE" in store.LOCK


# Rows that two batches lock in different orders.

LockRows = Callable[[Driver, Sequence[RowLock]], Awaitable[None]]


async def lock_as_they_come(driver: Driver, locks: Sequence[RowLock]) -> None:
    """The broken rule: each act's rows in the order in which the acts came."""
    for lock in locks:
        await driver.execute(f"SELECT 1 FROM {lock.table} WHERE id = $1 FOR NO KEY UPDATE", lock.id)
        await asyncio.sleep(0.05)


async def lock_sorted(driver: Driver, locks: Sequence[RowLock]) -> None:
    await driver.execute(";".join(store.row_locks(locks)))


async def lock_against(economy: Economy, lock_rows: LockRows) -> Sequence[BaseException | None]:
    """Two batches want the same rows, in opposite orders, several times."""
    rows = [
        RowLock(30, "identity_player", player)
        for player in [await economy.player() for _ in range(4)]
    ]

    async def batch(wanted: list[RowLock]) -> None:
        for _ in range(5):
            async with economy.db.begin(economy.schema) as tx:
                await lock_rows(tx.driver, wanted)

    return await asyncio.gather(batch(rows), batch(rows[::-1]), return_exceptions=True)


async def test_sorted_row_locks_do_not_deadlock(economy: Economy):
    assert not any(await lock_against(economy, lock_sorted))


@pytest.mark.parametrize("number", range(5))
async def test_an_id_is_no_part_of_the_statement_whatever_it_is(economy: Economy, number: int):
    id_ = ("it's", "\\", "\\'; DROP TABLE journal_lock; --", "']::text[])", "Ω\n\t$1")[number]
    await economy.sql(
        "INSERT INTO identity_player (id, external_id, state, created_at) "
        "VALUES ($1, $1, 'active', now()), ('other', 'other', 'active', now())",
        id_,
    )
    async with economy.db.begin(economy.schema) as tx:
        await lock_sorted(tx.driver, [RowLock(30, "identity_player", id_)])
        free = await economy.sql("SELECT id FROM identity_player FOR UPDATE SKIP LOCKED")
    assert [row[0] for row in free] == ["other"]


async def test_an_id_that_no_text_can_be_locks_nothing(economy: Economy):
    async with economy.db.begin(economy.schema) as tx:
        await lock_sorted(tx.driver, [RowLock(30, "identity_player", "nothing\x00")])


async def test_unsorted_row_locks_deadlock(economy: Economy):
    ended = await lock_against(economy, lock_as_they_come)
    assert any(isinstance(error, asyncpg.DeadlockDetectedError) for error in ended)


async def test_two_workers_lock_the_same_rows_and_all_get_through(economy: Economy):
    players = await furnish(economy)
    one, two = Journal(economy.db), Journal(economy.db)

    def acts(order: Sequence[str], worker: str) -> list[LockingGrant]:
        return [
            LockingGrant("app", f"{worker}-{player}-{turn}", Grant(player, "GEM", 1))
            for turn in range(5)
            for player in order
        ]

    bulk = asyncio.create_task(one.submit_each(economy.schema, acts(players, "bulk")))
    answers = await asyncio.gather(
        *(one.submit(economy.schema, act) for act in acts(players, "one")),
        *(two.submit(economy.schema, act) for act in acts(players[::-1], "two")),
    )
    assert all(isinstance(answer, Receipt) for answer in [*answers, *await bulk])


# A batch that is fixed before the lock is granted.


class FixedBeforeTheLock(Batcher):
    """The broken rule: the batch is drawn when it begins to wait."""

    async def _work(self) -> None:
        await asyncio.sleep(0)
        while self._awaited():
            async with self._slots:
                await self._run([*self._draw_early(), *self._draw()], list)


async def batches_for_one_wait(economy: Economy, player: str) -> int:
    """Submit one operation, then twenty while the lock is elsewhere; count the batches."""
    journal = Journal(economy.db)
    ((before,),) = await economy.sql("SELECT count(*) FROM journal_batch")
    async with economy.db.connect() as tx:
        await tx.driver.execute(begin_statement(economy.schema))
        await store.lock_journal(tx.driver)
        waiting = [asyncio.create_task(_grant(economy, journal, player))]
        await asyncio.sleep(0.1)
        waiting += [asyncio.create_task(_grant(economy, journal, player)) for _ in range(20)]
        await asyncio.sleep(0.1)
        await tx.driver.execute("ROLLBACK")
    await asyncio.gather(*waiting)
    ((after,),) = await economy.sql("SELECT count(*) FROM journal_batch")
    return int(after - before)


async def _grant(economy: Economy, journal: Journal, player: str) -> None:
    assert isinstance(
        await journal.submit(economy.schema, Op("grant", player, 1, None).act()), Receipt
    )


async def test_what_waits_when_the_lock_is_granted_is_in_the_batch(economy: Economy):
    (player,) = await furnish(economy, players=1)
    assert await batches_for_one_wait(economy, player) == 1


async def test_a_batch_fixed_before_the_lock_leaves_the_waiting_behind(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    (player,) = await furnish(economy, players=1)
    monkeypatch.setattr(writer, "Batcher", FixedBeforeTheLock)
    assert await batches_for_one_wait(economy, player) == 2
