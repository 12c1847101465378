"""Prove that a journal is as it was written: every row, batch, key and link, from the first on.

Rows never change, so the walk needs no long snapshot: it reads a page in a transaction of its
own, holds one block of rows in memory, and goes on where the page ended.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Sequence
from hashlib import sha256
from typing import NamedTuple

from guildbank.infra.database import Database
from guildbank.journal import reading
from guildbank.journal.chain import DIGEST_SIZE, FORMAT, GENESIS, batch_head, row_digest
from guildbank.journal.contracts import ChainedRow, ChainedRows, Damage, Driver, Verified
from guildbank.journal.reading import CHAINED_AUDITS, Batch, KeyedRow
from guildbank.journal.usecases.diagnose import diagnose

PAGE_BATCHES = 2_000
PAGE_SEQS = 20_000
PAGE_KEYS = 10_000
_END = 2**63 - 1

# The limit is for those who hold up others. This one locks nothing, and what it computes between
# two blocks may take a busy machine longer.
BE_PATIENT = "SET LOCAL idle_in_transaction_session_timeout TO '60s'"

Progress = Callable[[int, int], None]
"""Called with the last verified seq and the last seq of all."""


class Walk(NamedTuple):
    """How far the walk has come: the last verified seq, its batch's hash, and counts."""

    seq: int = 0
    hash: bytes = GENESIS
    batches: int = 0
    rows: int = 0


async def verify_journal(
    db: Database,
    schema: str,
    logs: Sequence[ChainedRows] = (),
    progress: Progress = lambda _seq, _last: None,
) -> Verified:
    """Walk the whole journal of a tenant and name the first damage.

    `logs` are the chained tables of other rooms. Memory does not grow with the journal.
    """
    walk = Walk()
    async with db.begin(schema, read_only=True) as tx:
        damage = await _genesis(tx.driver)
        last = (await reading.read_tip(tx.driver)).last if damage is None else 0
    logs = sorted((*logs, CHAINED_AUDITS), key=lambda log: log.order)
    while damage is None and walk.seq < last:
        async with db.begin(schema, read_only=True) as tx:
            await tx.driver.execute(BE_PATIENT)
            walk, damage = await _page(tx.driver, walk, logs)
        progress(walk.seq, max(walk.seq, last))
    if damage is None:
        async with db.begin(schema, read_only=True) as tx:
            damage = await _strays(tx.driver, logs)
    damage = damage or await _keys(db, schema)
    return Verified(walk.seq, walk.hash, walk.batches, walk.rows, damage)


async def _genesis(driver: Driver) -> Damage | None:
    ends = await reading.read_batch_ends(driver, -_END, 1)
    if ends != [0]:
        return Damage("journal_batch", 0, None, "the first batch of the journal is missing")
    (first,) = await reading.read_batches(driver, -_END, 0)
    if (first.first, first.hash, first.digests, first.format) != (0, GENESIS, b"", FORMAT):
        return Damage("journal_batch", 0, None, "the first batch of the journal was changed")
    return None


async def _page(
    driver: Driver, walk: Walk, logs: Sequence[ChainedRows]
) -> tuple[Walk, Damage | None]:
    """Verify the next batches: as many as make a page, at least one."""
    ends = await reading.read_batch_ends(driver, walk.seq, PAGE_BATCHES)
    upto = max((end for end in ends if end <= walk.seq + PAGE_SEQS), default=ends[0])
    feeds = [
        _Feed("journal_entry", reading.read_chained_entries(driver, walk.seq, upto)),
        *(_Feed(log.table, _plain(log.read(driver, walk.seq, upto))) for log in logs),
    ]
    batches = await reading.read_batches(driver, walk.seq, upto)
    for number, batch in enumerate(batches):
        following = batches[number + 1] if number + 1 < len(batches) else None
        damage = _facts(batch, walk) or await _batch(driver, batch, walk, feeds, logs)
        if damage is not None:
            # The neighbour tells whether it is the batch's own range that was changed.
            return walk, _overlap(batch, following) or damage
        rows = walk.rows + len(batch.digests) // DIGEST_SIZE
        walk = Walk(batch.last, batch.hash, walk.batches + 1, rows)
    return walk, None


def _facts(batch: Batch, walk: Walk) -> Damage | None:
    """Check what a batch says of itself, before its rows are looked at."""
    if batch.format != FORMAT:
        what = f"format {batch.format} is not one that was ever written"
    elif batch.first != walk.seq + 1 or batch.last < batch.first:
        what = f"it holds seq {batch.first} on, but the batch before ended at {walk.seq}"
    elif len(batch.hash) != len(GENESIS):
        what = "its hash has another length"
    else:
        return None
    return Damage("journal_batch", batch.last, None, what)


def _overlap(batch: Batch, following: Batch | None) -> Damage | None:
    if following is None or following.first == batch.last + 1:
        return None
    what = f"it ends at {batch.last}, but the next batch begins at {following.first}"
    return Damage("journal_batch", batch.last, None, what)


async def _batch(
    driver: Driver,
    batch: Batch,
    walk: Walk,
    feeds: Sequence["_Feed"],
    logs: Sequence[ChainedRows],
) -> Damage | None:
    """Check one batch's rows, digests, hash and keys."""
    hasher = sha256(batch_head(walk.hash, batch.epoch, batch.first, batch.last, batch.at))
    digest_at, whole, keys = 0, True, None
    for feed in feeds:
        async for block in feed.upto(batch.last):
            for row, keyed, key_seq in block:
                hasher.update(row.canonical)
                stored = batch.digests[digest_at : digest_at + DIGEST_SIZE]
                whole = whole and stored == row_digest(row.canonical)
                digest_at += DIGEST_SIZE
                if keyed and key_seq != row.seq and keys is None:
                    keys = _key_damage(row.seq, key_seq)
    whole = whole and digest_at == len(batch.digests)
    if not whole or hasher.digest() != batch.hash:
        same = hasher.digest() == batch.hash
        return await diagnose(driver, batch, logs, rows_agree=same)
    return keys


def _key_damage(seq: int, key_seq: int | None) -> Damage:
    if key_seq is None:
        return Damage("journal_key", seq, None, "the key of this entry is missing")
    what = f"the key of entry {seq} points to entry {key_seq}"
    return Damage("journal_key", key_seq, None, what)


async def _strays(driver: Driver, logs: Sequence[ChainedRows]) -> Damage | None:
    """Find rows beyond the newest batch, in one snapshot with it."""
    tip = (await reading.read_tip(driver)).last
    what = "no batch holds this row: it was added, or its batch is missing"
    if (seq := await reading.read_stray(driver, tip)) is not None:
        return Damage("journal_entry", seq, None, what)
    for log in logs:
        for after, upto in ((-_END, 0), (tip, _END)):
            async for block in log.read(driver, after, upto):
                return Damage(log.table, block[0].seq, block[0].leg, what)
    return None


async def _keys(db: Database, schema: str) -> Damage | None:
    """Find keys without their entry; the walk over entries has found entries without a key."""
    after = b""
    while True:
        async with db.begin(schema, read_only=True) as tx:
            rows = await reading.read_keys(tx.driver, after, PAGE_KEYS)
        for hash_, seq, entry_hash in rows:
            if hash_ != entry_hash:
                what = "no entry has this key: it was added or changed"
                return Damage("journal_key", seq, None, what)
        if not rows:
            return None
        after = rows[-1][0]


async def _plain(
    blocks: AsyncIterator[Sequence[ChainedRow]],
) -> AsyncIterator[Sequence[KeyedRow]]:
    async for block in blocks:
        yield [KeyedRow(row, False, None) for row in block]


class _Feed:
    """One table's rows in order of seq, handed out batch by batch."""

    def __init__(self, table: str, blocks: AsyncIterator[Sequence[KeyedRow]]) -> None:
        self.table = table
        self._blocks = blocks
        self._block: Sequence[KeyedRow] = ()

    async def upto(self, seq: int) -> AsyncIterator[Sequence[KeyedRow]]:
        """Yield what is left with a seq of at most `seq`, in blocks."""
        while True:
            if not self._block:
                try:
                    self._block = await anext(self._blocks)
                except StopAsyncIteration:
                    return
            cut = bisect_right(self._block, seq, key=lambda keyed: keyed.row.seq)
            if cut == 0:
                return
            ready, self._block = self._block[:cut], self._block[cut:]
            yield ready
