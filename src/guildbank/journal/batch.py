"""One batch on its way: acts are read, decided and written chunk by chunk.

While Python decides a chunk on one core, PostgreSQL writes the chunk before it and reads the one
after it on another.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from guildbank.journal import store
from guildbank.journal.act import Act
from guildbank.journal.chain import FORMAT, batch_hash, digests
from guildbank.journal.contracts import (
    Driver,
    Head,
    Need,
    Probe,
    Rows,
    Statement,
)
from guildbank.journal.deciding import Group, decide
from guildbank.journal.foresight import Ahead, Past
from guildbank.journal.line import Line, Work
from guildbank.journal.pen import Pen
from guildbank.journal.stage import Stage

MAX_ROUNDS = 5

CHUNK = 250
"""Acts that are read together, and written together: fewer would cost more round trips than what
is done meanwhile is worth."""

STEP = 10
"""Groups that are decided before the loop looks after the connection."""

Missing: TypeAlias = dict[Any, list[Any]]
"""Keys that are to be read, by shelf."""


class Reading(NamedTuple):
    """What a chunk asks for in its first round, with `keys` or without, and what will answer."""

    acts: list[Act]
    missing: Missing
    keys: bool
    rows: asyncio.Task[list[Rows]]


class Batch:
    """The acts of one transaction that holds the journal's lock."""

    def __init__(self, driver: Driver, probe: Probe, ahead: Ahead | None = None) -> None:
        self.line = Line()
        self._ahead = ahead
        self._driver = driver
        self._probe = probe
        self._pen = Pen(driver, probe)
        self._stage = Stage()
        self._head: Head | None = None
        self._replays: dict[bytes, store.StoredReceipt] = {}
        self._known_hashes: set[bytes] = set()
        self._unwritten: Work[None] | None = None

    async def decide(self, groups: Sequence[Group]) -> int:
        """Answer every group; return how many acts were accepted, and so will be entries."""
        if self._ahead is not None:
            await self._foresee(self._ahead)
        chunks = deque(_chunks(groups))
        ahead: Reading | None = None
        while chunks:
            chunk = chunks.popleft()
            reading, ahead = ahead or self._read(chunk), None
            head = await self._place(reading)
            # The next rows are asked for before the last ones are written: they are wanted first.
            if chunks:
                ahead = self._read_ahead(chunks[0])
            self._write()
            unready = await self._decide(chunk, head)
            if unready:
                chunks.append(unready)
            if chunks:
                self._unwritten = self._pen.writing(self._saving())
        await self.line.end()
        return self._stage.seq - head.seq - 1

    async def _foresee(self, ahead: Ahead) -> None:
        """Take the rows that were read ahead if they are exact: the head tells, under the lock."""
        (head,) = await self._fetch([store.head_reading()], 1)
        before, past = self._begin(head).hash, ahead.past
        if ahead.hash == before:
            self._stage.foresee(ahead.rows, None)
        elif past is not None and past.hash == before and ahead.hash == past.before:
            # All that was committed since is the last batch of our own.
            self._replays.update(past.replays)
            self._stage.foresee(ahead.rows, past.stage)
        else:
            return
        self._known_hashes = ahead.asked
        await self._meet(ahead.keys)

    def _begin(self, head: Rows) -> Head:
        now, self._head = store.read_head(head)
        self._stage.begin(now, self._head.seq + 1)
        return self._head

    async def _decide(self, chunk: Sequence[Group], head: Head) -> list[Group]:
        """Answer the groups of a chunk; return those that must be asked again what they need.

        An act before them has changed what they go by, a payment credited just now for one.
        """
        unready: list[Group] = []
        for start in range(0, len(chunk), STEP):
            step = chunk[start : start + STEP]
            accepted = decide(self._stage, step, self._replays, head)
            unready += [group for group in step if group.unready]
            self._pen.add(accepted, self._stage.take_logged())
            await self.line.turn()
        for group in unready:
            group.tries += 1
        return [group for group in unready if group.tries < MAX_ROUNDS]

    async def seal(self) -> tuple[int, bytes]:
        """Write what is left and the batch itself; return its last seq and its hash."""
        stage, head = self._stage, self._head
        assert head is not None
        rows = self._pen.canonical_rows()
        first, last = head.seq + 1, stage.seq - 1
        hash_ = batch_hash(head.hash, head.epoch, first, last, stage.now, rows)
        batch = (last, first, head.epoch, stage.now, FORMAT, hash_, digests(rows))
        await self._pen.writing([*self._saving(), store.batch_writing(batch)])()
        return last, hash_

    def past(self, hash_: bytes) -> Past:
        """Return what the batch leaves to those that were read ahead, once it is committed."""
        head = self._head
        assert head is not None
        own = {key: one for key, one in self._replays.items() if one.receipt.seq > head.seq}
        return Past(head.hash, hash_, self._stage, own)

    def _saving(self) -> list[Statement]:
        """Return the statements that save the rows changed since the last call."""
        return [one for shelf, rows in self._stage.take_changed() for one in shelf.saving(rows)]

    def _read(self, chunk: Sequence[Group]) -> Reading:
        """Ask for what the chunk needs in its first round, and for the keys that are known.

        Behind all that was written: the rows are those that the acts so far have left.
        """
        self._write()
        return self._asked(chunk, self._missing(chunk))

    def _write(self) -> None:
        """Put the writing of the chunk before into the line."""
        if self._unwritten is not None:
            self.line.add(self._unwritten)
            self._unwritten = None

    def _read_ahead(self, chunk: Sequence[Group]) -> Reading | None:
        """Ask before the chunk at hand is decided, unless its acts may change what is read.

        Rows that they change under the same key are on the stage, and are not asked for.
        """
        missing = self._missing(chunk)
        return None if any(shelf.derived for shelf in missing) else self._asked(chunk, missing)

    def _missing(self, chunk: Sequence[Group]) -> Missing:
        needs = _needs([act for group in chunk for act in group.acts], self._stage)
        needs += [need for group in chunk for need in group.wants]
        return self._stage.missing(needs)

    def _asked(self, chunk: Sequence[Group], missing: Missing) -> Reading:
        acts = [act for group in chunk for act in group.acts]
        statements = _reading(missing)
        hashes = {act.key_hash for act in acts if act.key_hash is not None} - self._known_hashes
        if hashes:
            statements.append(store.keys_reading(list(hashes)))
        if self._head is None:
            statements.append(store.head_reading())
        return Reading(acts, missing, bool(hashes), self._fetch(statements, len(acts)))

    def _fetch(self, statements: Sequence[Statement], acts: int) -> asyncio.Task[list[Rows]]:
        return self.line.add(lambda: store.read_each(self._driver, statements, acts))

    async def _place(self, reading: Reading) -> Head:
        """Put what was read on the stage; ask again for those that find more keys in rows."""
        acts, missing, rows = reading.acts, reading.missing, list(await reading.rows)
        head = self._begin(rows.pop()) if self._head is None else self._head
        if reading.keys:
            await self._meet({row[0]: row[1] for row in rows.pop()})
        for number in range(1, MAX_ROUNDS + 1):
            for (shelf, keys), found in zip(missing.items(), rows, strict=True):
                self._stage.fill(shelf, keys, shelf.read(keys, found))
            acts = [act for act in acts if act.rounds > number]
            missing, rows = self._stage.missing(_needs(acts, self._stage)), []
            if missing:
                self._write()
                rows = await self._fetch(_reading(missing), len(acts))
            if not acts:
                await self._probe("rows_loaded")
                return head
        raise RuntimeError(f"an act asks for more than {MAX_ROUNDS} rounds of reading")

    async def _meet(self, seqs: dict[bytes, int]) -> None:
        """Read the receipts of keys that earlier batches know."""
        # Keys of this batch may be stored already; their receipts are at hand.
        earlier = {hash_: seq for hash_, seq in seqs.items() if hash_ not in self._replays}
        if earlier:
            asked = list(set(earlier.values()))
            receipts = await self.line.add(lambda: store.read_receipts(self._driver, asked))
            self._replays.update({hash_: receipts[seq] for hash_, seq in earlier.items()})


def _chunks(groups: Sequence[Group]) -> list[Sequence[Group]]:
    """Cut the groups into chunks of about CHUNK acts."""
    chunks: list[Sequence[Group]] = []
    start = weight = 0
    for end, group in enumerate(groups, 1):
        weight += len(group.acts)
        if weight >= CHUNK or end == len(groups):
            chunks.append(groups[start:end])
            start, weight = end, 0
    return chunks


def _needs(acts: Sequence[Act], stage: Stage) -> list[Need]:
    return [need for act in acts for need in act.needs(stage)]


def _reading(missing: Missing) -> list[Statement]:
    return [shelf.reading(keys) for shelf, keys in missing.items()]
