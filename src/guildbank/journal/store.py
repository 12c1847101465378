"""SQL of the journal's write path: hot statements, each with the reason for its form."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeAlias

from guildbank.journal.contracts import COPY_FROM_ROWS, Driver, Head, Receipt, RowLock, Sealed
from guildbank.journal.tables import PARTITION_ROWS

# A statement of its own: its snapshot is older than the lock that it waits for, so nothing else
# may be read in it (read together, 8 writers of 400 commits ended at a balance of 37).
LOCK = """
SELECT 1
FROM journal_lock
FOR NO KEY UPDATE
"""

# One round trip for the newest batch, the tenant's state, the time and the keys that are known.
READ_HEAD = """
SELECT head.last_seq, head.hash, head.written_at, state.writable, state.epoch,
       clock_timestamp() AS now, known.hash AS key_hash, known.seq AS key_seq
FROM (
    SELECT last_seq, hash, written_at
    FROM journal_batch
    ORDER BY last_seq DESC
    LIMIT 1
) AS head
CROSS JOIN journal_state AS state
LEFT JOIN (
    SELECT journal_key.hash, journal_key.seq
    FROM unnest($1::bytea[]) AS asked (hash)
    JOIN journal_key ON journal_key.hash = asked.hash
) AS known ON TRUE
"""

READ_RECEIPTS = """
SELECT journal_entry.seq, batch.written_at, kind, principal, fingerprint, data
FROM unnest($1::bigint[]) AS asked (seq)
JOIN journal_entry ON journal_entry.seq = asked.seq
CROSS JOIN LATERAL (
    SELECT written_at
    FROM journal_batch
    WHERE last_seq >= asked.seq
    ORDER BY last_seq
    LIMIT 1
) AS batch
"""

WRITE_BATCH = """
INSERT INTO journal_batch (last_seq, first_seq, epoch, written_at, format, hash, digests)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

# A small batch goes with its entries and keys: one round trip less under the lock.
WRITE_SMALL_BATCH = """
WITH entries AS (
    INSERT INTO journal_entry (seq, kind, principal, key_hash, fingerprint, data)
    SELECT *
    FROM unnest($8::bigint[], $9::text[], $10::text[], $11::bytea[], $12::bytea[], $13::text[])
), keys AS (
    INSERT INTO journal_key (hash, seq)
    SELECT hash, seq
    FROM unnest($11::bytea[], $8::bigint[]) AS keyed (hash, seq)
    WHERE hash IS NOT NULL
)
INSERT INTO journal_batch (last_seq, first_seq, epoch, written_at, format, hash, digests)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""

WRITE_PAYLOADS = """
INSERT INTO journal_payload (seq, person, sealed)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::bytea[])
"""

FIND_BATCH = """
SELECT 1
FROM journal_batch
WHERE last_seq = $1
  AND hash = $2
"""


# A worker that stops while rows are sent to it is neither idle nor running: no limit of
# PostgreSQL's own ends a backend that waits for its client to read.
END_STUCK = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(activity.pid))
FROM pg_locks AS held
JOIN pg_stat_activity AS activity ON activity.pid = held.pid
WHERE held.relation = 'journal_lock'::regclass
  AND held.granted
  AND activity.wait_event = 'ClientWrite'
  AND activity.query_start < clock_timestamp() - interval '2 seconds'
"""


EntryRow: TypeAlias = tuple[int, str, str, bytes | None, bytes | None, str]
"""An entry as stored: seq, kind, principal, key hash, fingerprint, data."""

BatchRow: TypeAlias = tuple[int, int, int, datetime, int, bytes, bytes]
"""A batch as stored: last and first seq, epoch, time, format, hash, digests."""


class Known(NamedTuple):
    """What one read under the lock tells: the head, the database's time, keys met before."""

    head: Head
    now: datetime
    keys: dict[bytes, int]


class StoredReceipt(NamedTuple):
    """A receipt as stored, with the fingerprint of the command that made it."""

    receipt: Receipt
    fingerprint: bytes | None


async def lock_rows(driver: Driver, locks: Sequence[RowLock]) -> None:
    """Lock domain rows in sorted order, one statement a table, before the journal."""
    by_table: dict[tuple[int, str], set[str]] = {}
    for rank, table, row in locks:
        by_table.setdefault((rank, table), set()).add(row)
    for (_, table), ids in sorted(by_table.items()):
        # The table's name comes from a room's code, never from input.
        statement = (
            f"SELECT 1 FROM {table} WHERE id = ANY($1::text[]) "  # noqa: S608
            "ORDER BY id FOR NO KEY UPDATE"
        )
        await driver.fetch(statement, sorted(ids))


async def lock_journal(driver: Driver) -> None:
    """Wait for the tenant's journal; the caller reads only in later statements."""
    await driver.execute(LOCK)


async def read_head(driver: Driver, hashes: Sequence[bytes]) -> Known:
    """Read where the journal stands and which of the keys it knows."""
    rows = await driver.fetch(READ_HEAD, hashes)
    if not rows:
        raise LookupError("the journal has no first batch: the tenant's schema is incomplete")
    first = rows[0]
    head = Head(first[0], first[1], first[2], first[3], first[4])
    # Time never runs backwards in a journal, whatever the machine's clock does.
    now = max(first[5], first[2])
    return Known(head, now, {row[6]: row[7] for row in rows if row[6] is not None})


async def read_receipts(driver: Driver, seqs: Sequence[int]) -> dict[int, StoredReceipt]:
    """Read entries by position."""
    rows = await driver.fetch(READ_RECEIPTS, seqs)
    return {
        row[0]: StoredReceipt(
            Receipt(row[0], row[1], row[2], row[3], row[5].encode(), replayed=True), row[4]
        )
        for row in rows
    }


async def write_entries(driver: Driver, entries: Sequence[EntryRow]) -> None:
    """Write entries and their keys."""
    await driver.copy_records_to_table("journal_entry", records=entries)
    keys = [(key, seq) for seq, _, _, key, _, _ in entries if key is not None]
    if keys:
        await driver.copy_records_to_table("journal_key", records=keys)


async def write_batch(driver: Driver, entries: Sequence[EntryRow], batch: BatchRow) -> None:
    """Write the newest entries and, last, the batch itself with the hash over all its rows."""
    if 0 < len(entries) < COPY_FROM_ROWS:
        await driver.execute(WRITE_SMALL_BATCH, *batch, *zip(*entries, strict=True))
        return
    if entries:
        await write_entries(driver, entries)
    await driver.execute(WRITE_BATCH, *batch)


async def write_payloads(driver: Driver, payloads: Sequence[tuple[int, Sealed]]) -> None:
    """Keep the sealed payloads of a batch beside the chain."""
    seqs, sealed = zip(*payloads, strict=True)
    await driver.execute(
        WRITE_PAYLOADS, seqs, [one.person for one in sealed], [one.ciphertext for one in sealed]
    )


async def batch_exists(driver: Driver, last_seq: int, hash_: bytes) -> bool:
    """Say whether exactly this batch was committed."""
    return await driver.fetchval(FIND_BATCH, last_seq, hash_) is not None


async def end_stuck(driver: Driver) -> int:
    """End sessions that hold the journal for a client that does not read; return how many."""
    return int(await driver.fetchval(END_STUCK))


def partition_statements(number: int) -> list[str]:
    """Return the statements that make partition `number` of the journal's tables."""
    low, high = number * PARTITION_ROWS, (number + 1) * PARTITION_ROWS
    return [
        f"CREATE TABLE IF NOT EXISTS journal_entry_p{number} PARTITION OF journal_entry "
        f"FOR VALUES FROM ({low}) TO ({high})"
    ]
