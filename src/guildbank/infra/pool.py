"""Lend connections that stay open, at most so many, the one used last first.

SQLAlchemy makes them, and prepares each anew for everyone it lends it to; a batch of the journal
takes two, and felt that preparing. So they are kept here as they are.
"""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class NoConnection(ConnectionError):
    """The server is away or every connection is lent: nothing was begun."""


@dataclass(slots=True)
class Tx:
    """An open transaction: `driver` for hot statements, `sql` for Core, both the same one."""

    driver: "asyncpg.Connection[Any]"
    sql: AsyncConnection


class Pool:
    """Connections of an engine that keeps none itself; whoever waits is served in order."""

    def __init__(self, engine: AsyncEngine, size: int, wait_seconds: float) -> None:
        self._engine = engine
        self._wait_seconds = wait_seconds
        self._free = asyncio.Semaphore(size)
        # The one used last has its plans and caches at hand.
        self._kept: list[Tx] = []
        self._closed = False

    async def take(self) -> Tx:
        """Lend a connection that is open and in no transaction. Raises NoConnection."""
        if self._free.locked():
            try:
                async with asyncio.timeout(self._wait_seconds):
                    await self._free.acquire()
            except TimeoutError as late:
                raise NoConnection("every connection to the database is lent") from late
        else:
            await self._free.acquire()
        try:
            while self._kept:
                tx = self._kept.pop()
                if not tx.driver.is_closed():
                    return tx
                await _discard(tx)
            return await self._open()
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, tx: Tx, *, sound: bool) -> None:
        """Take it back; what is not `sound`, or still in a transaction, is not worth keeping."""
        try:
            if not sound or self._closed or tx.driver.is_closed() or tx.driver.is_in_transaction():
                await _discard(tx)
                return
            if tx.sql.in_transaction():
                # Only SQLAlchemy's own idea of one: nothing is sent.
                await tx.sql.rollback()
            self._kept.append(tx)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close what is kept now, and what is lent when it comes back."""
        self._closed = True
        while self._kept:
            await _discard(self._kept.pop())

    async def _open(self) -> Tx:
        async with AsyncExitStack() as stack:
            try:
                sql = await stack.enter_async_context(self._engine.connect())
                driver = (await sql.get_raw_connection()).driver_connection
            except (SQLAlchemyError, asyncpg.PostgresError, OSError) as error:
                raise NoConnection(f"the database lends no connection: {error!r}") from error
            assert driver is not None, "it was opened just now"
            # It stays open beyond this call.
            stack.pop_all()
            return Tx(driver=driver, sql=sql)


async def _discard(tx: Tx) -> None:
    # What is in a transaction has it rolled back by the server.
    tx.driver.terminate()
    await tx.sql.invalidate()
    await tx.sql.close()
