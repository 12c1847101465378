"""The next batches, read and decided ahead of their locks.

While PostgreSQL writes one batch, Python decides the next, and a second connection reads the rows
of the one after that. Under its lock the head of the journal tells whether a batch is what would be
decided then; if not it is dropped, and decided anew.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from guildbank.infra.database import Database
from guildbank.journal import store
from guildbank.journal.batch import Batch, Unforeseen
from guildbank.journal.contracts import Driver
from guildbank.journal.deciding import Group

log = structlog.get_logger(__name__)

LEAST_ACTS = 16
"""For fewer acts a second connection costs more than it saves."""

DEPTH = 2
"""Batches that are under way ahead: one is decided, one is read."""

PATIENCE_SECONDS = 0.25
"""How long a batch that holds the lock waits for rows that are being read ahead."""

WARY_BATCHES = 16
"""Batches whose keys are read ahead after a start, and after one that met a known key.

Replays come together, when callers have lost their answers; else keys are new, and reading them
costs more than to find out from their unique index.
"""


@dataclass(slots=True)
class Coming:
    """A batch that has no lock yet; `since` was being written when its rows were begun to be read.

    The tasks tell whether it went well. What is decided may be dropped, so that `copies` of the
    `groups` take the answers. `weight` counts the acts, `keys` says that theirs were read.
    """

    since: Batch
    reading: asyncio.Task[bool] = field(init=False)
    deciding: asyncio.Task[bool] | None = None
    batch: Batch = field(default_factory=Batch)
    groups: Sequence[Group] = ()
    copies: Sequence[Group] = ()
    weight: int = 0
    keys: bool = True


class Foresight:
    """Works ahead for one tenant's queue: `count` says how many acts wait, `waiting` which groups.

    `waiting` is asked for those of the next draw (0) or of the one after it (1). Only while this
    process is the only one that writes: with others it would mostly be in vain. `ended` is told of
    each batch that was decided ahead, or was to be, whether it was used.
    """

    def __init__(
        self,
        db: Database,
        schema: str,
        count: Callable[[], int],
        waiting: Callable[[int], Sequence[Group]],
        ended: Callable[[bool], None],
    ) -> None:
        self._db = db
        self._schema = schema
        self._count = count
        self._waiting = waiting
        self._ended = ended
        self._writing: Batch | None = None
        self._coming: deque[Coming] = deque()
        self._late: set[asyncio.Task[bool]] = set()
        self._last_hash = b""
        self._alone = False
        self._wary = WARY_BATCHES

    def look(self) -> None:
        """Begin to read for those who wait, once they are as many as there are in the batch before.

        With fewer, batches would become smaller.
        """
        writing = self._writing
        if writing is None or not self._alone or self._late or len(self._coming) == DEPTH:
            return
        if self._coming and not self._coming[-1].reading.done():
            return
        others = self._count() - sum(coming.weight for coming in self._coming)
        if others < max(LEAST_ACTS, writing.accepted):
            return
        coming = Coming(writing)
        coming.reading = asyncio.create_task(self._read(coming, len(self._coming)))
        coming.reading.add_done_callback(lambda _: self.look())
        self._coming.append(coming)
        if len(self._coming) == 1:
            self._begin_to_decide(writing)

    def follow(self, batch: Batch) -> None:
        """Note the batch that is about to be written: nothing is decided in it any more."""
        alone = self._last_hash == batch.head.hash
        if not alone:
            self.forget()
        self._alone, self._last_hash, self._writing = alone, batch.hash, batch
        self._skip_empty()
        if self._coming:
            self._begin_to_decide(batch)
        self.look()

    def committed(self) -> None:
        """Note that it is committed; those who arrive now are drawn with the next."""
        self._writing = None

    def forget(self) -> None:
        """Drop everything: it is not known what became of the last batch."""
        self._writing, self._last_hash, self._alone = None, b"", False
        while self._coming:
            self._drop(self._coming.popleft())

    def be_wary(self) -> None:
        """Read keys ahead for a while: a batch met one that is known."""
        self._wary = WARY_BATCHES

    async def take(self, driver: Driver, groups: list[Group]) -> tuple[Batch, list[Group]]:
        """Return the batch of these groups, under its lock, and those that it is yet to decide."""
        self._skip_empty()
        if not self._coming:
            return Batch(), groups
        coming = self._coming.popleft()
        answered = set(map(id, coming.groups))
        # Whoever went away before the draw takes no part.
        used = answered <= set(map(id, groups)) and await self._stands(driver, coming)
        self._ended(used)
        if not used:
            self._drop(coming)
            return Batch(), groups
        for group, copy in zip(coming.groups, coming.copies, strict=True):
            group.answers = copy.answers
        return coming.batch, [group for group in groups if id(group) not in answered]

    async def close(self) -> None:
        """Return when nothing is read any more."""
        self.forget()
        if self._late:
            await asyncio.wait(self._late)

    def _skip_empty(self) -> None:
        """Forget batches that nobody is in: their time would be that of their rows, which may be
        long ago when somebody comes, and they keep others from being read ahead.
        """
        while self._coming and self._coming[0].reading.done() and not self._coming[0].groups:
            self._coming.popleft()

    def _begin_to_decide(self, before: Batch) -> None:
        coming = self._coming[0]
        behind = [before] if coming.since is before else [coming.since, before]
        coming.deciding = asyncio.create_task(self._decide(coming, behind))

    async def _stands(self, driver: Driver, coming: Coming) -> bool:
        """Say whether it is decided, and as it would be now; waits, but not for a connection."""
        if not coming.reading.done():
            await asyncio.wait([coming.reading], timeout=PATIENCE_SECONDS)
        if not coming.reading.done() or coming.deciding is None or not await coming.deciding:
            return False
        doubted = [] if coming.keys else coming.batch.doubted(coming.copies)
        head, known = await store.fetch_head_and_keys(driver, doubted)
        if known:
            self.be_wary()
            return False
        return coming.batch.follows(head)

    def _drop(self, coming: Coming) -> None:
        """Forget it; while it is still at work nothing else is begun."""
        task = coming.deciding or coming.reading
        if not task.done():
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _read(self, coming: Coming, turn: int) -> bool:
        # Those who came in the same moment have arrived by now.
        coming.groups = self._waiting(turn)
        if not coming.groups:
            return False
        coming.copies = [Group(group.acts) for group in coming.groups]
        coming.weight = sum(len(group.acts) for group in coming.groups)
        coming.keys = self._wary > 0
        self._wary = max(0, self._wary - 1)
        try:
            # One snapshot for all: the head says of what moment the rows are.
            async with self._db.begin(self._schema, read_only=True) as tx:
                await coming.batch.read_ahead(tx.driver, coming.copies, keys=coming.keys)
        except Unforeseen:
            return False
        except Exception as error:  # the batch reads for itself, and hears of the trouble then
            log.info("journal_not_read_ahead", schema=self._schema, error=repr(error))
            return False
        return True

    async def _decide(self, coming: Coming, behind: Sequence[Batch]) -> bool:
        if not await coming.reading:
            return False
        try:
            coming.batch.stand_behind(behind)
            await coming.batch.answer_ahead(coming.copies)
        except Unforeseen:
            return False
        except Exception as error:  # it is decided anew, and its callers hear of the trouble then
            log.info("journal_not_decided_ahead", schema=self._schema, error=repr(error))
            return False
        return True
