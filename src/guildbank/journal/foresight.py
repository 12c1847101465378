"""The next batch, decided ahead of its lock while the one before it is being written.

PostgreSQL writes a batch on one core while Python decides the next on another, on rows read by a
second connection and on what the batch before left on its stage. Under the lock the head of the
journal tells whether that is what would be decided then; if not it is dropped, and decided anew.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from guildbank.infra.database import Database
from guildbank.journal import store
from guildbank.journal.batch import Batch, Unforeseen
from guildbank.journal.contracts import Driver
from guildbank.journal.deciding import Group

log = structlog.get_logger(__name__)

CHUNK = 250
"""Groups that are decided while the rows of the next ones are read."""

LEAST_ACTS = 16
"""For fewer acts a second connection costs more than it saves."""

PATIENCE_SECONDS = 0.25
"""How long a batch that holds the lock waits for rows that are being read ahead."""


class Ahead(NamedTuple):
    """A batch that has no lock yet, and the groups that it has answered."""

    batch: Batch
    groups: Sequence[Group]


class _Looking(NamedTuple):
    """A batch that is being decided ahead; `read` is set when nothing of it is read any more."""

    deciding: asyncio.Task[Ahead | None]
    read: asyncio.Event


class Foresight:
    """Decides ahead for one tenant's queue: `count` says how many acts wait, `waiting` which.

    Only while this process is the only one that writes: with others it would mostly be in vain.
    """

    def __init__(
        self,
        db: Database,
        schema: str,
        count: Callable[[], int],
        waiting: Callable[[], Sequence[Group]],
    ) -> None:
        self._db = db
        self._schema = schema
        self._count = count
        self._waiting = waiting
        self._writing: Batch | None = None
        self._looking: _Looking | None = None
        self._late: asyncio.Task[Ahead | None] | None = None
        self._last_hash = b""
        self._alone = False

    def look(self) -> None:
        """Begin with those who wait, once they are as many as there are in the batch before.

        With fewer, batches would become smaller.
        """
        before = self._writing
        if before is None or not self._alone or self._looking is not None:
            return
        if self._late is not None and not self._late.done():
            return
        if self._count() >= max(LEAST_ACTS, before.accepted):
            read = asyncio.Event()
            self._looking = _Looking(asyncio.create_task(self._decide(before, read)), read)

    def follow(self, batch: Batch) -> None:
        """Note the batch that is about to be written: nothing is decided in it any more."""
        self._alone = self._last_hash == batch.head.hash
        self._last_hash = batch.hash
        self._writing = batch
        self.look()

    def committed(self) -> None:
        """Note that it is committed; those who arrive now are drawn with the next."""
        self._writing = None

    def forget(self) -> None:
        """Drop everything: it is not known what became of the last batch."""
        self._writing, self._last_hash, self._alone = None, b"", False
        if self._looking is not None:
            self._late, self._looking = self._looking.deciding, None

    async def take(self, driver: Driver, groups: list[Group]) -> tuple[Batch, list[Group]]:
        """Return the batch of these groups, under its lock, and those that it is yet to decide."""
        looking, self._looking = self._looking, None
        if looking is None:
            return Batch(), groups
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await looking.read.wait()
        except TimeoutError:
            self._late = looking.deciding
            return Batch(), groups
        ahead = await looking.deciding
        if ahead is None:
            return Batch(), groups
        answered = set(map(id, ahead.groups))
        # Whoever went away before the draw takes no part.
        if not answered <= set(map(id, groups)):
            return Batch(), groups
        _, head = await store.fetch_head(driver)
        if not ahead.batch.follows(head):
            return Batch(), groups
        return ahead.batch, [group for group in groups if id(group) not in answered]

    async def close(self) -> None:
        """Return when nothing is read any more."""
        self.forget()
        if self._late is not None:
            await asyncio.wait([self._late])

    async def _decide(self, before: Batch, read: asyncio.Event) -> Ahead | None:
        # Those of the same moment have arrived by now.
        groups = self._waiting()
        batch = Batch(before)
        try:
            # One snapshot for all: the head says of what moment the rows are.
            async with self._db.begin(self._schema, read_only=True) as tx:
                answered = await _decide_chunks(batch, tx.driver, groups, read)
        except Unforeseen:
            return None
        except Exception as error:  # the batch reads for itself, and hears of the trouble then
            log.info("journal_not_foreseen", schema=self._schema, error=repr(error))
            return None
        finally:
            read.set()
        return Ahead(batch, groups[:answered]) if answered else None


async def _decide_chunks(
    batch: Batch, driver: Driver, groups: Sequence[Group], read: asyncio.Event
) -> int:
    """Decide chunk after chunk, and read for the next one meanwhile; return how many groups.

    The rest, from the first that goes by derived rows on, are for the time under the lock.
    """
    reading = asyncio.create_task(batch.read_ahead(driver, groups[:CHUNK]))
    try:
        for start in range(0, len(groups), CHUNK):
            chunk = groups[start : start + CHUNK]
            following = groups[start + CHUNK : start + 2 * CHUNK]
            try:
                await reading
            except Unforeseen:
                return start
            if following:
                reading = asyncio.create_task(batch.read_ahead(driver, following))
            else:
                read.set()
            await batch.answer_ahead(chunk)
    finally:
        # A connection is given back only when it is idle.
        await asyncio.gather(reading, return_exceptions=True)
    return len(groups)
