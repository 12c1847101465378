"""One pool of PostgreSQL connections, and transactions that see one schema.

Cold statements are SQLAlchemy Core on `Tx.sql`, hot ones are named SQL text on `Tx.driver`, the
asyncpg connection of the same transaction. The engine runs in AUTOCOMMIT so that SQLAlchemy
opens no transaction of its own beside ours.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import MetaData, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from guildbank.infra.pool import NoConnection, Pool, Tx
from guildbank.infra.tenant import CONTROL_SCHEMA

__all__ = [
    "CONTROL_SCHEMA",
    "Database",
    "NoConnection",
    "Tx",
    "begin_statement",
    "control_metadata",
    "quoted",
    "roll_back",
    "search_path",
    "tenant_metadata",
]

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
control_metadata = MetaData(naming_convention=NAMING)
"""Tables of the control plane, in schema `guildbank`."""
tenant_metadata = MetaData(naming_convention=NAMING)
"""Tables of one tenant, in schema `t_<slug>`; no schema here: search_path decides."""

_SESSION = {
    # A stopped worker must not stop a tenant: its transaction ends by itself.
    "idle_in_transaction_session_timeout": "2000",
    "lock_timeout": "4000",
    "statement_timeout": "20000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
    "timezone": "UTC",
    "jit": "off",
    # Arrays of unknown length are looked up by index, and planned once a connection, not once
    # a call: planning over partitions costs more than the statements do.
    "plan_cache_mode": "force_generic_plan",
    "random_page_cost": "1.1",
}

# Known from PostgreSQL 17 on; as a start-up parameter it would keep us out of older ones.
LIMIT_TRANSACTIONS = """
SELECT set_config(name, '30000', FALSE)
FROM pg_settings
WHERE name = 'transaction_timeout'
"""

_CONNECT_SECONDS = 10
_ROLLBACK_SECONDS = 5
# Past statement_timeout: only a server or a network that is silent lets it pass.
_SILENCE_SECONDS = 25


# A batch joins the statements of its rooms, so there are more and longer ones than in the code.
_STATEMENTS = 500
_STATEMENT_BYTES = 65_536


class Database:
    """A pool over one database.

    `url` is `postgresql://user:password@/name?host=/socket/folder` or with a host and port.
    """

    def __init__(self, url: str, pool_size: int = 8, application: str = "guildbank") -> None:
        settings = {**_SESSION, "application_name": application}
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
            connect_args={
                "server_settings": settings,
                "timeout": _CONNECT_SECONDS,
                "command_timeout": _SILENCE_SECONDS,
                "statement_cache_size": _STATEMENTS,
                "max_cacheable_statement_size": _STATEMENT_BYTES,
            },
        )
        event.listen(self.engine.sync_engine, "connect", _limit_transactions)
        self._pool = Pool(self.engine, pool_size, _CONNECT_SECONDS)

    async def close(self) -> None:
        """Close every connection; waits for none."""
        await self._pool.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Tx]:
        """Lend a connection without a transaction; whoever begins one must end it.

        Raises NoConnection.
        """
        tx = await self._pool.take()
        sound = True
        try:
            yield tx
        except BaseException as error:
            # What a cancelled statement did is not known here.
            sound = isinstance(error, Exception)
            raise
        finally:
            await self._pool.give_back(tx, sound=sound)

    @asynccontextmanager
    async def begin(self, schema: str, *, read_only: bool = False) -> AsyncIterator[Tx]:
        """Run a READ COMMITTED transaction that sees `schema`; commit on exit, else roll back."""
        async with self.connect() as tx:
            try:
                await tx.driver.execute(begin_statement(schema, read_only=read_only))
                yield tx
            except BaseException:
                await roll_back(tx.driver)
                raise
            await tx.driver.execute("COMMIT")


async def roll_back(driver: "asyncpg.Connection[Any]") -> None:
    """End the transaction; a connection that cannot is dropped, which ends it too.

    Raises nothing of its own, so that the first error is the one that is told.
    """
    try:
        async with asyncio.timeout(_ROLLBACK_SECONDS):
            await driver.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
        driver.terminate()


def begin_statement(schema: str, *, read_only: bool = False) -> str:
    """Return the text that opens a transaction on `schema`, one round trip."""
    mode = "ISOLATION LEVEL REPEATABLE READ READ ONLY" if read_only else ""
    return f"BEGIN {mode}; {search_path(schema)}"


def search_path(schema: str) -> str:
    """Return the text that lets the rest of a transaction see `schema`."""
    return f"SET LOCAL search_path TO {quoted(schema)}"


def quoted(schema: str) -> str:
    """Return the schema's name as a statement holds it; raises ValueError for what is none."""
    if not schema.replace("_", "a").isalnum() or not schema.isascii():
        raise ValueError(f"{schema!r} is not a schema name")
    return f'"{schema}"'


def _limit_transactions(connection: Any, _record: object) -> None:
    connection.run_async(lambda driver: driver.execute(LIMIT_TRANSACTIONS))
