"""Note when keys were last used, off the request's path and at most once a minute for a key."""

import asyncio
from datetime import datetime, timedelta

import structlog

from guildbank.identity.store import keys as store
from guildbank.infra.database import CONTROL_SCHEMA, Database

log = structlog.get_logger(__name__)

EVERY = timedelta(minutes=1)
GATHER_SECONDS = 1.0
MAX_REMEMBERED = 10_000


class UseNotes:
    """Gathers uses for a second and writes them in one statement."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._noted: dict[str, datetime] = {}
        self._pending: dict[str, datetime] = {}
        self._writing: asyncio.Task[None] | None = None

    def note(self, key_id: str, now: datetime) -> None:
        """Remember a use; returns at once."""
        last = self._noted.get(key_id)
        if last is not None and now - last < EVERY:
            return
        if len(self._noted) >= MAX_REMEMBERED:
            self._noted.clear()
        self._noted[key_id] = now
        self._pending[key_id] = now
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_soon())

    async def close(self) -> None:
        """Write what is gathered."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
            self._writing = None
        await self._write()

    async def _write_soon(self) -> None:
        await asyncio.sleep(GATHER_SECONDS)
        self._writing = None
        await self._write()

    async def _write(self) -> None:
        used, self._pending = self._pending, {}
        if not used:
            return
        try:
            async with self._db.begin(CONTROL_SCHEMA) as tx:
                await store.note_use(tx, used)
        except Exception as error:  # a note is not worth a failure; the next use makes another
            for key_id in used:
                self._noted.pop(key_id, None)
            log.warning("key_use_not_noted", error=repr(error))
