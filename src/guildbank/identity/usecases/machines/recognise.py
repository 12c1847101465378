"""Recognise a key by its token: an answer at most a second old, and a brake on guessing."""

import asyncio

from guildbank.identity.contracts.machines import TOO_MANY_STRANGERS, KnownKey
from guildbank.identity.rules import is_token, token_hash
from guildbank.identity.store import keys as store
from guildbank.identity.usecases.machines.note_use import UseNotes
from guildbank.infra.cache import Recent
from guildbank.infra.database import Database
from guildbank.kernel import Clock, Refusal

FRESH_SECONDS = 1.0
STRANGER_CONNECTIONS = 2
STRANGERS_WAITING = 64


class KeyRing:
    """Finds keys by token. Revocation and expiry are seen within a second everywhere.

    Tokens not met before share two connections and a short queue, so that a flood of invented
    keys cannot take the pool from known callers.
    """

    def __init__(self, db: Database, clock: Clock, notes: UseNotes) -> None:
        self._db = db
        self._clock = clock
        self._notes = notes
        self._found = Recent(self._load, seconds=FRESH_SECONDS)
        self._by_id = Recent(self._load_by_id, seconds=FRESH_SECONDS)
        self._unknown = Recent(self._load, seconds=FRESH_SECONDS, capacity=1_000)
        self._lane = asyncio.Semaphore(STRANGER_CONNECTIONS)
        self._waiting = 0

    async def recognise(self, token: str) -> KnownKey | Refusal | None:
        """Return the key if it is valid now, None if not, or `too_busy`."""
        if not is_token(token):
            return None
        hash_ = token_hash(token)
        known = self._found.knows(hash_)
        key = await self._found.get(hash_) if known else await self._stranger(hash_)
        return key if isinstance(key, Refusal) else self._valid(key)

    async def of_token(self, key_id: str) -> KnownKey | None:
        """Return the key that a signed token was given for, if it is valid now.

        A stranger cannot have such a token, so there is no guessing to slow down.
        """
        return self._valid(await self._by_id.get(key_id))

    def _valid(self, key: KnownKey | None) -> KnownKey | None:
        now = self._clock.now()
        if key is None or not key.valid(now):
            return None
        self._notes.note(key.id, now)
        return key

    def forget(self) -> None:
        """Drop what is known, after this process changed a key."""
        self._found.clear()
        self._by_id.clear()
        self._unknown.clear()

    async def _stranger(self, hash_: bytes) -> KnownKey | Refusal | None:
        if self._waiting >= STRANGERS_WAITING:
            return TOO_MANY_STRANGERS
        self._waiting += 1
        try:
            async with self._lane:
                key = await self._unknown.get(hash_)
        finally:
            self._waiting -= 1
        if key is None:
            return None
        self._unknown.move(hash_, self._found)
        return await self._found.get(hash_)

    async def _load(self, hash_: bytes) -> KnownKey | None:
        async with self._db.connect() as tx:
            return await store.find_by_hash(tx, hash_)

    async def _load_by_id(self, key_id: str) -> KnownKey | None:
        async with self._db.connect() as tx:
            return await store.find_by_id(tx, key_id)
