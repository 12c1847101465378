"""Rows for the next batch, read while the one before it is being written.

They are read without the lock, in one snapshot, and used only if they are known to be exact under
it: when nothing was committed since that snapshot but the last batch of this process, whose rows
are at hand. Else they are dropped and read anew. So they save time and decide nothing.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import structlog

from guildbank.infra.database import Database
from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.stage import Stage

log = structlog.get_logger(__name__)

MOST_ACTS = 250
"""For how many acts rows are read ahead: a larger batch reads its later chunks while it decides."""

PATIENCE_SECONDS = 0.05
"""How long a batch waits, before it takes the lock, for rows that are under way."""


class Past(NamedTuple):
    """The last batch of this process: the hashes before it and of it, and what it left."""

    before: bytes
    hash: bytes
    stage: Stage
    replays: dict[bytes, store.StoredReceipt]


class Ahead(NamedTuple):
    """Rows by shelf and keys of the journal as they stood after the batch with this `hash`.

    `asked` are the hashes of all keys that were looked for, `keys` those that were found, with
    their seqs. `past` is the batch that was being written meanwhile, if it is committed.
    """

    hash: bytes
    rows: dict[Any, dict[Any, Any]]
    asked: set[bytes]
    keys: dict[bytes, int]
    past: Past | None = None


class Foresight:
    """Reads ahead for one tenant's queue. `waiting` returns the acts that the next batch may have.

    Only while this process is the only one that writes: with others, rows would mostly be late.
    """

    def __init__(self, db: Database, schema: str, waiting: Callable[[], Sequence[Act]]) -> None:
        self._db = db
        self._schema = schema
        self._waiting = waiting
        self._looking: asyncio.Task[Ahead | None] | None = None
        self._late: asyncio.Task[Ahead | None] | None = None
        self._past: Past | None = None
        self._last_hash = b""
        self._alone = False

    def look(self) -> None:
        """Begin to read for those who wait now."""
        busy = self._looking is not None or not (self._late is None or self._late.done())
        if self._alone and not busy and (acts := self._waiting()):
            self._looking = asyncio.create_task(self._read(acts[:MOST_ACTS]))

    async def seen(self) -> Ahead | None:
        """Return what was read, None if there is nothing or it takes too long."""
        looking, self._looking = self._looking, None
        # Whoever takes the rows of the last batch may change them: they are good for once.
        past, self._past = self._past, None
        if looking is None:
            return None
        done, _ = await asyncio.wait([looking], timeout=PATIENCE_SECONDS)
        if not done:
            self._late = looking
            return None
        ahead = looking.result()
        return None if ahead is None else ahead._replace(past=past)

    def remember(self, past: Past) -> None:
        """Keep what a batch left, once it is committed."""
        self._alone = self._last_hash == past.before
        self._last_hash = past.hash
        # An idle tenant keeps no rows.
        self._past = past if self._looking is not None else None

    def forget(self) -> None:
        """Drop everything: it is not known what became of the last batch."""
        self._past, self._last_hash, self._alone = None, b"", False
        if self._looking is not None:
            self._late, self._looking = self._looking, None

    async def close(self) -> None:
        """Return when nothing is being read any more."""
        self.forget()
        if self._late is not None:
            await asyncio.wait([self._late])

    async def _read(self, acts: Sequence[Act]) -> Ahead | None:
        try:
            return await self._look_for(acts)
        except Exception as error:  # the batch reads for itself, and hears of the trouble then
            log.info("journal_not_foreseen", schema=self._schema, error=repr(error))
            return None

    async def _look_for(self, acts: Sequence[Act]) -> Ahead:
        stage = Stage()
        needs = [need for act in acts for need in act.needs(stage)]
        missing = {s: keys for s, keys in stage.missing(needs).items() if not s.derived}
        hashes = [act.key_hash for act in acts if act.key_hash is not None]
        statements = [shelf.reading(keys) for shelf, keys in missing.items()]
        statements += [store.keys_reading(hashes), store.head_reading()]
        # One snapshot for all: the head says of what moment the rows are.
        async with self._db.begin(self._schema, read_only=True) as tx:
            *rows, known, head = await store.read_each(tx.driver, statements, len(acts))
        found = {
            shelf: {**dict.fromkeys(keys), **shelf.read(keys, some)}
            for (shelf, keys), some in zip(missing.items(), rows, strict=True)
        }
        _, stood = store.read_head(head)
        return Ahead(stood.hash, found, set(hashes), {row[0]: row[1] for row in known})
