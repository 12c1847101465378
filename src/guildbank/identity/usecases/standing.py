"""Know of every player at once whether they may call: their state and the sessions that go on.

A worker remembers what it read and hears of every end by NOTIFY, which comes with the commit that
ends. While it cannot hear, it remembers nothing and asks the database each time.
"""

import asyncio
from contextlib import suppress
from typing import Any

import asyncpg
import msgspec
import structlog

from guildbank.identity.contracts.players import PlayerState
from guildbank.identity.store import sessions as store
from guildbank.infra.cache import Recent
from guildbank.infra.database import Database
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Clock

log = structlog.get_logger(__name__)

REMEMBER_SECONDS = 60.0
RECONNECT_SECONDS = 1.0
BEAT_SECONDS = 1.0
"""So often the listening connection proves that it lives."""
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class Standing(msgspec.Struct, frozen=True):
    """A player's state, and the ids of the sessions that go on."""

    state: PlayerState
    sessions: frozenset[str]


class Standings:
    """The standings of players, as this process may act on them."""

    def __init__(self, db: Database, url: str, clock: Clock) -> None:
        self._db = db
        self._url = url
        self._clock = clock
        self._recent = Recent(self._load, seconds=REMEMBER_SECONDS, capacity=100_000)
        self._hearing = False
        self._expected: dict[tuple[str, str], asyncio.Event] = {}
        self._listening: asyncio.Task[None] | None = None

    async def of(
        self, tenant: TenantRef, player_id: str, session_id: str | None = None
    ) -> Standing | None:
        """Return the player's standing; a session that began since it was read is looked up."""
        if self._listening is None:
            self._listening = asyncio.get_running_loop().create_task(self._listen())
        key = (tenant.schema, player_id)
        if not self._hearing:
            return await self._load(key)
        known = await self._recent.get(key)
        if session_id is None or (known is not None and session_id in known.sessions):
            return known
        self._recent.forget(key)
        return await self._recent.get(key)

    def expect(self, tenant: TenantRef, player_id: str) -> asyncio.Event:
        """Return what is set when this process hears of the player; ask before the commit."""
        return self._expected.setdefault((tenant.schema, player_id), asyncio.Event())

    async def settle(
        self, tenant: TenantRef, player_id: str, expected: asyncio.Event, *, told: bool
    ) -> None:
        """Return once this process has heard of the commit, if that `told` of the player.

        All others hear at that moment too, so whoever is answered afterwards may rely on it.
        """
        key = (tenant.schema, player_id)
        if told:
            self._recent.forget(key)
            if self._hearing:
                with suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_SECONDS):
                        await expected.wait()
        self._expected.pop(key, None)

    async def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _load(self, key: tuple[str, str]) -> Standing | None:
        schema, player_id = key
        async with self._db.connect() as tx:
            found = await store.standing(tx.driver, schema, player_id, self._clock.now())
        return None if found is None else Standing(found[0], frozenset(found[1]))

    async def _listen(self) -> None:
        while True:
            connection: Any = None
            try:
                connection = await asyncpg.connect(self._url, timeout=5)
                await connection.add_listener(store.ENDED, self._heard)
                # What ended before is not remembered yet, and what ends from here on is heard.
                self._recent.clear()
                self._hearing = True
                while True:
                    await asyncio.sleep(BEAT_SECONDS)
                    await connection.fetchval("SELECT 1", timeout=BEAT_SECONDS)
            except _AWAY as away:
                log.warning("standings_not_heard", error=repr(away))
            finally:
                self._hearing = False
                self._recent.clear()
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(RECONNECT_SECONDS)

    def _heard(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        schema, _, player_id = str(payload).partition(" ")
        key = (schema, player_id)
        self._recent.forget(key)
        expected = self._expected.pop(key, None)
        if expected is not None:
            expected.set()
