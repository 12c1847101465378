"""SQL of the journal's read path: walks in the order of seq, a bounded number of rows at a time."""

import struct
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from guildbank.journal.audit import AUDITS
from guildbank.journal.audit import canonical as audit_bytes
from guildbank.journal.chain import entry_bytes
from guildbank.journal.contracts import ChainedRow, Checkpoint, Driver, Entry

BLOCK_ROWS = 1_000
NEWEST_OF = 100_000
"""How many entries are looked at for the newest of a kind."""

READ_TIP = """
SELECT last_seq, first_seq, epoch, written_at, format, hash, digests
FROM journal_batch
ORDER BY last_seq DESC
LIMIT 1
"""

READ_BATCH_ENDS = """
SELECT last_seq
FROM journal_batch
WHERE last_seq > $1
ORDER BY last_seq
LIMIT $2
"""

READ_BATCHES = """
SELECT last_seq, first_seq, epoch, written_at, format, hash, digests
FROM journal_batch
WHERE last_seq > $1
  AND last_seq <= $2
ORDER BY last_seq
"""

# OFFSET 0 keeps the look-up of each key an index probe: without statistics the planner would
# read the whole key table for every page.
READ_ENTRIES_AND_KEYS = """
SELECT entry.seq, entry.kind, entry.principal, entry.key_hash, entry.fingerprint, entry.data,
       known.seq AS key_seq
FROM journal_entry AS entry
LEFT JOIN LATERAL (
    SELECT seq
    FROM journal_key
    WHERE hash = entry.key_hash
    OFFSET 0
) AS known ON TRUE
WHERE entry.seq > $1
  AND entry.seq <= $2
ORDER BY entry.seq
"""

READ_KEYS_AND_ENTRIES = """
SELECT known.hash, known.seq, entry.key_hash
FROM (
    SELECT hash, seq
    FROM journal_key
    WHERE hash > $1
    ORDER BY hash
    LIMIT $2
) AS known
LEFT JOIN LATERAL (
    SELECT key_hash
    FROM journal_entry
    WHERE seq = known.seq
    OFFSET 0
) AS entry ON TRUE
ORDER BY known.hash
"""

READ_STRAY = """
SELECT least(
    (SELECT seq FROM journal_entry WHERE seq < 1 ORDER BY seq LIMIT 1),
    (SELECT seq FROM journal_entry WHERE seq > $1 ORDER BY seq LIMIT 1)
)
"""

READ_ENTRIES = """
SELECT entry.seq, batch.written_at, entry.kind, entry.principal, entry.data
FROM journal_entry AS entry
CROSS JOIN LATERAL (
    SELECT written_at
    FROM journal_batch
    WHERE last_seq >= entry.seq
    ORDER BY last_seq
    LIMIT 1
) AS batch
WHERE entry.seq > $1
ORDER BY entry.seq
LIMIT $2
"""

READ_ENTRIES_AT = """
SELECT entry.seq, batch.written_at, entry.kind, entry.principal, entry.data
FROM unnest($1::bigint[]) AS asked (seq)
JOIN journal_entry AS entry ON entry.seq = asked.seq
CROSS JOIN LATERAL (
    SELECT written_at
    FROM journal_batch
    WHERE last_seq >= asked.seq
    ORDER BY last_seq
    LIMIT 1
) AS batch
ORDER BY entry.seq
"""

# Kinds have no index, so it looks at a bounded number of entries.
READ_NEWEST = """
SELECT entry.seq, batch.written_at, entry.kind, entry.principal, entry.data,
       payload.person, payload.sealed
FROM (
    SELECT seq, kind, principal, data
    FROM journal_entry
    WHERE seq > $1
      AND kind = ANY($2::text[])
    ORDER BY seq DESC
    LIMIT $3
) AS entry
CROSS JOIN LATERAL (
    SELECT written_at
    FROM journal_batch
    WHERE last_seq >= entry.seq
    ORDER BY last_seq
    LIMIT 1
) AS batch
LEFT JOIN journal_payload AS payload ON payload.seq = entry.seq
ORDER BY entry.seq DESC
"""

# Batches may bear the same time, so the newest of them decides.
READ_SEQ_AT = """
SELECT last_seq
FROM journal_batch
WHERE written_at <= $1
ORDER BY written_at DESC, last_seq DESC
LIMIT 1
"""

READ_SEQ_BEFORE = """
SELECT last_seq
FROM journal_batch
WHERE written_at < $1
ORDER BY written_at DESC, last_seq DESC
LIMIT 1
"""

READ_BATCH_HASHES = """
SELECT last_seq, hash
FROM journal_batch
WHERE last_seq = ANY($1::bigint[])
"""

READ_CHAINED_AUDITS = """
SELECT seq, hash
FROM journal_audit
WHERE seq > $1
  AND seq <= $2
ORDER BY seq
"""

READ_CHECKPOINTS_BEFORE = """
SELECT seq, hash, signed_at, public_key, signature
FROM journal_checkpoint
WHERE seq < $1
ORDER BY seq DESC
LIMIT $2
"""

READ_CHECKPOINTS_AFTER = """
SELECT seq, hash, signed_at, public_key, signature
FROM journal_checkpoint
WHERE seq > $1
ORDER BY seq
LIMIT $2
"""

WRITE_CHECKPOINT = """
INSERT INTO journal_checkpoint (seq, hash, signed_at, public_key, signature)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (seq) DO NOTHING
"""


class Batch(NamedTuple):
    """A batch as stored."""

    last: int
    first: int
    epoch: int
    at: datetime
    format: int
    hash: bytes
    digests: bytes


class KeyedRow(NamedTuple):
    """An entry of the chain, and what the key table says of its key (None: nothing)."""

    row: ChainedRow
    keyed: bool
    key_seq: int | None


class WithPayload(NamedTuple):
    """An entry with what is sealed beside it under the key of a person, if something is."""

    entry: Entry
    person: str | None
    sealed: bytes | None


async def read_tip(driver: Driver) -> Batch:
    """Return the newest batch; LookupError if the tenant's schema has none."""
    row = await driver.fetchrow(READ_TIP)
    if row is None:
        raise LookupError("the journal has no first batch: the tenant's schema is incomplete")
    return Batch(*row)


async def read_batch_ends(driver: Driver, after: int, limit: int) -> list[int]:
    """Return the last seqs of the batches after `after`."""
    return [row[0] for row in await driver.fetch(READ_BATCH_ENDS, after, limit)]


async def read_batches(driver: Driver, after: int, upto: int) -> list[Batch]:
    """Return whole batches; the caller keeps the range small."""
    return [Batch(*row) for row in await driver.fetch(READ_BATCHES, after, upto)]


async def read_blocks(driver: Driver, sql: str, *args: Any) -> AsyncIterator[Sequence[Any]]:
    """Yield a statement's rows in blocks, through a cursor of the open transaction."""
    cursor = await driver.cursor(sql, *args)
    while block := await cursor.fetch(BLOCK_ROWS):
        yield block


async def read_chained_entries(
    driver: Driver, after: int, upto: int
) -> AsyncIterator[Sequence[KeyedRow]]:
    """Yield entries with their canonical bytes and keys."""
    async for block in read_blocks(driver, READ_ENTRIES_AND_KEYS, after, upto):
        yield [
            KeyedRow(
                ChainedRow(row[0], None, _canonical(row)),
                row[3] is not None,
                row[6],
            )
            for row in block
        ]


def _canonical(row: Sequence[Any]) -> bytes:
    try:
        return entry_bytes(row[0], row[1], row[2], row[3], row[4], row[5].encode())
    except struct.error:
        # Longer than any entry may be: it cannot be what was written, and its digest will tell.
        return b""


class ChainedAudits:
    """The records of who changed what, as `verify` reads them back."""

    table = AUDITS.table
    order = AUDITS.order

    async def read(
        self, driver: Driver, after: int, upto: int
    ) -> AsyncIterator[Sequence[ChainedRow]]:
        """Yield the rows with their canonical bytes."""
        async for block in read_blocks(driver, READ_CHAINED_AUDITS, after, upto):
            yield [ChainedRow(row[0], None, audit_bytes(row[0], row[1])) for row in block]


CHAINED_AUDITS = ChainedAudits()


async def read_keys(driver: Driver, after: bytes, limit: int) -> list[Any]:
    """Return (hash, seq, the entry's key hash) of the keys after `after`, in order of hash."""
    return list(await driver.fetch(READ_KEYS_AND_ENTRIES, after, limit))


async def read_stray(driver: Driver, tip: int) -> int | None:
    """Return the seq of an entry that no batch holds."""
    found: int | None = await driver.fetchval(READ_STRAY, tip)
    return found


def _entry(row: Sequence[Any]) -> Entry:
    return Entry(row[0], row[1], row[2], row[3], row[4].encode())


async def read_entries(driver: Driver, after_seq: int, limit: int) -> list[Entry]:
    """Return up to `limit` entries with seq > `after_seq`, in order."""
    rows = await driver.fetch(READ_ENTRIES, after_seq, limit)
    return [_entry(row) for row in rows]


async def entries_at(driver: Driver, seqs: Sequence[int]) -> dict[int, Entry]:
    """Return the entries at these positions that exist, by seq."""
    rows = await driver.fetch(READ_ENTRIES_AT, list(dict.fromkeys(seqs)))
    return {row[0]: _entry(row) for row in rows}


async def newest_entries(driver: Driver, kinds: Sequence[str], limit: int) -> list[WithPayload]:
    """Return the newest entries of these kinds among the last NEWEST_OF, the newest first."""
    tip = await read_tip(driver)
    rows = await driver.fetch(READ_NEWEST, tip.last - NEWEST_OF, list(kinds), limit)
    return [WithPayload(_entry(row), row[5], row[6]) for row in rows]


async def seq_at(driver: Driver, at: datetime) -> int:
    """Return the last seq written at or before `at`; 0 if there is none."""
    return await driver.fetchval(READ_SEQ_AT, at) or 0


async def seq_before(driver: Driver, at: datetime) -> int:
    """Return the last seq written before `at`; 0 if there is none."""
    return await driver.fetchval(READ_SEQ_BEFORE, at) or 0


async def read_batch_hashes(driver: Driver, seqs: Sequence[int]) -> dict[int, bytes]:
    """Return the hashes of the batches that end at these seqs."""
    return {row[0]: row[1] for row in await driver.fetch(READ_BATCH_HASHES, seqs)}


async def checkpoints_before(driver: Driver, seq: int, limit: int) -> list[Checkpoint]:
    """Return checkpoints of a seq below `seq`, newest first."""
    rows = await driver.fetch(READ_CHECKPOINTS_BEFORE, seq, limit)
    return [_checkpoint(row) for row in rows]


async def checkpoints_after(driver: Driver, seq: int, limit: int) -> list[Checkpoint]:
    """Return checkpoints of a seq above `seq`, oldest first."""
    rows = await driver.fetch(READ_CHECKPOINTS_AFTER, seq, limit)
    return [_checkpoint(row) for row in rows]


def _checkpoint(row: Sequence[Any]) -> Checkpoint:
    return Checkpoint(
        seq=row[0],
        hash=row[1],
        signed_at=row[2],
        public_key=b64encode(row[3]).decode(),
        signature=row[4],
    )


async def write_checkpoint(driver: Driver, made: Checkpoint) -> None:
    """Keep a checkpoint, once for each seq."""
    raw = b64decode(made.public_key)
    await driver.execute(WRITE_CHECKPOINT, made.seq, made.hash, made.signed_at, raw, made.signature)
