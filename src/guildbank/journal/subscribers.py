"""How a commit wakes the readers: one coalesced NOTIFY, one reader a tenant, a sweep for the lost.

A NOTIFY inside a commit serialises all tenants of a database, so it is sent afterwards on a
connection of its own. A ping is a hint: what it should have said is found by the sweep.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import asyncpg
import structlog

from guildbank.infra.busy_tenants import busy_schemas
from guildbank.infra.database import Database
from guildbank.journal import cursors
from guildbank.journal.contracts import Subscriber
from guildbank.journal.usecases.pump import pump

log = structlog.get_logger(__name__)

CHANNEL = "guildbank_journal"
PING_SECONDS = 0.02
SWEEP_SECONDS = 5.0
RECONNECT_SECONDS = 1.0
READERS = 2

PING = """
SELECT pg_notify($1, changed.schema)
FROM unnest($2::text[]) AS changed (schema)
"""

_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
Tenants = Callable[[], Awaitable[Sequence[str]]]
"""Returns the schemas of all tenants that this process reads."""


class Pinger:
    """Tells other processes which tenants changed, each at most once in PING_SECONDS.

    `committed` is what the journal calls after each commit; it never waits and never fails.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._changed: set[str] = set()
        self._sending: asyncio.Task[None] | None = None
        self._connection: Any = None

    def committed(self, schema: str) -> None:
        """Note that a tenant's journal has grown."""
        self._changed.add(schema)
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def close(self) -> None:
        """Send what is noted and close the connection."""
        if self._sending is not None:
            await self._sending
        if self._connection is not None:
            await self._connection.close()

    async def _send(self) -> None:
        while self._changed:
            changed, self._changed = self._changed, set()
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self._url, timeout=5)
                await self._connection.execute(PING, CHANNEL, sorted(changed), timeout=5)
            except (*_AWAY, TimeoutError) as away:
                # The sweep will find these tenants.
                log.warning("pings_lost", tenants=len(changed), error=repr(away))
                await asyncio.sleep(RECONNECT_SECONDS)
            await asyncio.sleep(PING_SECONDS)


class Listener:
    """Runs subscribers over all tenants: woken by pings, and by a slow sweep.

    At most one reader a tenant and READERS at once; `run` ends when it is cancelled.
    """

    def __init__(
        self,
        db: Database,
        url: str,
        subscribers: Sequence[Subscriber],
        tenants: Tenants,
        sweep_seconds: float = SWEEP_SECONDS,
    ) -> None:
        self._db = db
        self._url = url
        self._subscribers = subscribers
        self._behind = cursors.behind([one.name for one in subscribers])
        self._tenants = tenants
        self._sweep_seconds = sweep_seconds
        self._slots = asyncio.Semaphore(READERS)
        self._dirty: set[str] = set()
        self._readers: dict[str, asyncio.Task[None]] = {}
        self._mine: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Listen and sweep until cancelled; a lost connection is opened again."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._listen())
                group.create_task(self._sweep())
        finally:
            readers = list(self._readers.values())
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    def wake(self, schema: str) -> None:
        """Let the tenant's reader look; one that is reading looks once more."""
        self._dirty.add(schema)
        if schema not in self._readers:
            reader = asyncio.get_running_loop().create_task(self._read(schema))
            self._readers[schema] = reader
            reader.add_done_callback(lambda _: self._readers.pop(schema, None))

    async def _listen(self) -> None:
        while True:
            connection: Any = None
            try:
                connection = await asyncpg.connect(self._url, timeout=5)
                lost = asyncio.Event()
                connection.add_termination_listener(lambda *_, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, self._heard)
                await lost.wait()
            except (*_AWAY, TimeoutError) as away:
                log.warning("listener_away", error=repr(away))
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _heard(self, _connection: object, _pid: int, _channel: str, schema: object) -> None:
        # A new tenant is met by the next sweep: a payload is never trusted to name a schema.
        if isinstance(schema, str) and schema in self._mine:
            self.wake(schema)

    async def _sweep(self) -> None:
        while True:
            with suppress(*_AWAY, TimeoutError):
                self._mine = frozenset(await self._tenants())
                for schema in await busy_schemas(self._db, sorted(self._mine), self._behind):
                    self.wake(schema)
            await asyncio.sleep(self._sweep_seconds)

    async def _read(self, schema: str) -> None:
        while schema in self._dirty:
            self._dirty.discard(schema)
            async with self._slots:
                try:
                    done = await pump(self._db, schema, self._subscribers)
                except Exception as error:  # a tenant in trouble must not stop the others
                    log.warning("pump_failed", schema=schema, error=repr(error))
                    return
            if done.more:
                self._dirty.add(schema)
