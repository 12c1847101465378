"""One pool of PostgreSQL connections, and transactions that see one schema.

Cold statements are SQLAlchemy Core on `Tx.sql`, hot ones are named SQL text on `Tx.driver`, the
asyncpg connection of the same transaction. The engine runs in AUTOCOMMIT so that SQLAlchemy
opens no transaction of its own beside ours.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

if TYPE_CHECKING:
    import asyncpg

CONTROL_SCHEMA = "guildbank"
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
    "transaction_timeout": "30000",
    "lock_timeout": "10000",
    "statement_timeout": "20000",
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "timezone": "UTC",
    "jit": "off",
}


@dataclass(slots=True)
class Tx:
    """An open transaction: `driver` for hot statements, `sql` for Core, both the same one."""

    driver: "asyncpg.Connection[Any]"
    sql: AsyncConnection


class Database:
    """A pool over one database.

    `url` is `postgresql://user:password@/name?host=/socket/folder` or with a host and port.
    """

    def __init__(self, url: str, pool_size: int = 8, application: str = "guildbank") -> None:
        settings = {**_SESSION, "application_name": application}
        self.engine: AsyncEngine = create_async_engine(
            url.replace("postgresql://", "postgresql+asyncpg://", 1),
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            connect_args={"server_settings": settings, "timeout": 10},
        )

    async def close(self) -> None:
        """Close every connection; waits for none."""
        await self.engine.dispose()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Tx]:
        """Lend a connection without a transaction; whoever begins one must end it."""
        async with self.engine.connect() as sql:
            raw = await sql.get_raw_connection()
            driver = raw.driver_connection
            if driver is None:
                raise ConnectionError("the pool lent a closed connection")
            try:
                yield Tx(driver=driver, sql=sql)
            except BaseException:
                # A connection in an unknown state is not worth keeping.
                if driver.is_closed() or driver.is_in_transaction():
                    driver.terminate()
                    await sql.invalidate()
                raise

    @asynccontextmanager
    async def begin(self, schema: str, *, read_only: bool = False) -> AsyncIterator[Tx]:
        """Run a READ COMMITTED transaction that sees `schema`; commit on exit, else roll back."""
        async with self.connect() as tx:
            await tx.driver.execute(begin_statement(schema, read_only=read_only))
            try:
                yield tx
            except BaseException:
                if not tx.driver.is_closed():
                    await tx.driver.execute("ROLLBACK")
                raise
            await tx.driver.execute("COMMIT")


def begin_statement(schema: str, *, read_only: bool = False) -> str:
    """Return the text that opens a transaction on `schema`, one round trip."""
    if not schema.replace("_", "a").isalnum() or not schema.isascii():
        raise ValueError(f"{schema!r} is not a schema name")
    mode = "ISOLATION LEVEL REPEATABLE READ READ ONLY" if read_only else ""
    return f'BEGIN {mode}; SET LOCAL search_path TO "{schema}"'
