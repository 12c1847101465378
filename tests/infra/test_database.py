"""The pool lends sound connections only, whatever the last borrower or the server did."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import func, select

from guildbank.infra import database
from guildbank.infra.database import Database, NoConnection

NAME = "test database"
END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1"
SCHEMA = "pg_temp"


@pytest.fixture
async def db(cluster_url: str) -> AsyncIterator[Database]:
    """A pool of one, so that the next borrower gets what the last one left."""
    db = Database(cluster_url, pool_size=1, application=NAME)
    yield db
    await db.close()


@pytest.fixture
async def other(cluster_url: str) -> AsyncIterator[Database]:
    other = Database(cluster_url, pool_size=1)
    yield other
    await other.close()


async def is_sound(db: Database) -> bool:
    """Whether a new borrower is in no transaction and can work."""
    async with db.connect() as tx:
        await tx.driver.execute("BEGIN")
        fresh = await tx.driver.fetchval("SELECT pg_current_xact_id_if_assigned() IS NULL")
        await tx.driver.execute("ROLLBACK")
        return bool(fresh)


async def test_connections_that_the_server_closed_are_replaced(db: Database, other: Database):
    async with db.begin(SCHEMA) as tx:
        before = await tx.driver.fetchval("SELECT pg_backend_pid()")
    async with other.begin(SCHEMA) as tx:
        await tx.driver.execute("SELECT 1")
        assert await tx.driver.fetchval(END_ALL, NAME)
    await asyncio.sleep(0.1)
    async with db.begin(SCHEMA) as tx:
        assert await tx.driver.fetchval("SELECT pg_backend_pid()") != before


async def test_a_cancelled_borrower_leaves_no_transaction_behind(db: Database):
    async def work() -> None:
        async with db.begin(SCHEMA) as tx:
            await tx.driver.execute("SELECT pg_current_xact_id()")
            await tx.driver.execute("SELECT pg_sleep(10)")

    for seconds in (0.0, 0.0005, 0.001, 0.002, 0.004, 0.05):
        task = asyncio.create_task(work())
        await asyncio.sleep(seconds)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            assert await is_sound(db)


async def test_the_first_error_is_the_one_that_is_told(db: Database, other: Database):
    async def work() -> None:
        async with db.begin(SCHEMA) as tx:
            await tx.driver.execute("SELECT 1")
            async with other.begin(SCHEMA) as killer:
                await killer.driver.fetch(END_ALL, NAME)
            await asyncio.sleep(0.1)
            raise ValueError("the borrower's own")

    with pytest.raises(ValueError, match="own"):
        await work()
    assert await is_sound(db)


async def test_a_refused_statement_keeps_the_connection(db: Database):
    async def backend() -> int:
        async with db.begin(SCHEMA) as tx:
            return int(await tx.driver.fetchval("SELECT pg_backend_pid()"))

    before = await backend()
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with db.begin(SCHEMA) as tx:
            await tx.driver.execute("SELECT 1 / 0")
    assert await backend() == before


async def test_a_transaction_that_its_borrower_forgot_is_not_lent_on(db: Database):
    async with db.connect() as tx:
        await tx.driver.execute("BEGIN")
        await tx.driver.execute("SELECT pg_current_xact_id()")
    assert await is_sound(db)


async def test_who_waits_is_lent_the_next_connection_in_turn(db: Database):
    served: list[int] = []

    async def borrow(number: int) -> None:
        async with db.connect() as tx:
            await tx.driver.execute("SELECT 1")
            served.append(number)

    async with db.connect() as tx:
        waiting = [asyncio.create_task(borrow(number)) for number in range(4)]
        await asyncio.sleep(0.05)
        # One goes away and leaves its turn to the others.
        waiting[1].cancel()
        await asyncio.sleep(0)
        assert await tx.driver.fetchval("SELECT 1") == 1
        assert not served
    await asyncio.gather(*waiting, return_exceptions=True)
    assert served == [0, 2, 3]


async def test_who_waits_too_long_is_told_so(cluster_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "_CONNECT_SECONDS", 0.1)
    small = Database(cluster_url, pool_size=1)
    async with small.connect():
        with pytest.raises(NoConnection, match="lent"):
            async with small.connect():
                pass
    assert await is_sound(small)
    await small.close()


async def test_a_connection_used_by_core_is_lent_on_as_it_was(db: Database):
    pids = []
    for _ in range(3):
        async with db.begin(SCHEMA) as tx:
            result = await tx.sql.execute(select(func.pg_backend_pid()))
            pids.append(result.scalar_one())
            assert tx.driver.is_in_transaction()
        assert await is_sound(db)
    assert len(set(pids)) == 1


async def test_a_connection_that_comes_back_after_closing_is_closed(
    cluster_url: str, other: Database
):
    db = Database(cluster_url, pool_size=1, application="closed early")
    async with db.begin(SCHEMA) as tx:
        await db.close()
        assert await tx.driver.fetchval("SELECT 1") == 1
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'closed early'"
    async with other.connect() as tx:
        for _ in range(100):
            if not await tx.driver.fetchval(left):
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("the connection is still open")


async def test_a_server_that_is_away_is_told_as_such():
    away = Database("postgresql://nobody:x@/nothing?host=/nowhere")
    with pytest.raises(NoConnection):
        async with away.begin(SCHEMA):
            pass
    await away.close()


async def test_transactions_are_limited_where_the_server_can(db: Database):
    async with db.begin(SCHEMA) as tx:
        assert await tx.driver.fetchval("SHOW transaction_timeout") == "30s"
        assert await tx.driver.fetchval("SHOW idle_in_transaction_session_timeout") == "2s"
