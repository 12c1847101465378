"""SQL of the journal's write path: hot statements, each with the reason for its form."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from struct import Struct
from typing import ClassVar, TypeAlias, TypeVar

import asyncpg
import msgspec

from guildbank.journal.chain import entry_bytes
from guildbank.journal.contracts import (
    Driver,
    Head,
    Receipt,
    RowLock,
    Rows,
    Sealed,
    Shelf,
    Statement,
)
from guildbank.journal.statements import joined_reading, joined_writing
from guildbank.journal.tables import PARTITION_ROWS

K = TypeVar("K")
V = TypeVar("V")

JOINED_ACTS = 40
"""Up to so many acts a round trip costs more than a row for each inside of an array."""

# A statement of its own: its snapshot is older than the lock that it waits for, so nothing else
# may be read in it (read together, 8 writers of 400 commits ended at a balance of 37).
LOCK = """
SELECT 1
FROM journal_lock
FOR NO KEY UPDATE
"""

READ_HEAD = """
SELECT head.last_seq, head.hash, head.written_at, state.writable, state.epoch,
       clock_timestamp() AS now
FROM (
    SELECT last_seq, hash, written_at
    FROM journal_batch
    ORDER BY last_seq DESC
    LIMIT 1
) AS head
CROSS JOIN journal_state AS state
"""

# All hashes as one value that is cut here: the driver looks twice at each element of a list.
# LATERAL and OFFSET 0 leave the planner no choice but the index for each, however many it expects.
READ_KEYS = """
SELECT asked.hash, known.seq
FROM (
    SELECT substr($1::bytea, start, 16) AS hash
    FROM generate_series(1, length($1::bytea), 16) AS start
    OFFSET 0
) AS asked
CROSS JOIN LATERAL (
    SELECT seq
    FROM journal_key
    WHERE journal_key.hash = asked.hash
    OFFSET 0
) AS known
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

WRITE_ENTRIES = """
INSERT INTO journal_entry (seq, kind, principal, key_hash, fingerprint, data)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::text[])
"""

WRITE_KEYS = """
INSERT INTO journal_key (hash, seq)
SELECT *
FROM unnest($1::bytea[], $2::bigint[])
"""

# Of entries that this transaction has copied: to copy the keys too is a round trip more.
WRITE_COPIED_KEYS = """
INSERT INTO journal_key (hash, seq)
SELECT key_hash, seq
FROM journal_entry
WHERE seq BETWEEN $1 AND $2
  AND key_hash IS NOT NULL
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


# "COPY", "Binary Format" in PostgreSQL's documentation: signature, flags, no extension; the end.
_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_ENTRY = Struct(">hiqi")
_LENGTH = Struct(">i")
_PRINTS = Struct(">i16si32si")
_NO_PRINTS = Struct(">iii")

EntryRow: TypeAlias = tuple[int, str, str, bytes | None, bytes | None, bytes]
"""An entry as stored: seq, kind, principal, key hash, fingerprint, data."""

BatchRow: TypeAlias = tuple[int, int, int, datetime, int, bytes, bytes]
"""A batch as stored: last and first seq, epoch, time, format, hash, digests."""


class StoredReceipt(msgspec.Struct, frozen=True, gc=False):
    """A receipt as stored, with the fingerprint of the command that made it."""

    receipt: Receipt
    fingerprint: bytes | None


class Entries:
    """The chained log of entries, the first of all logs."""

    order: ClassVar[int] = 0
    table: ClassVar[str] = "journal_entry"

    def canonical(self, row: EntryRow) -> bytes:
        """Return the row's bytes for the chain."""
        return entry_bytes(*row)

    def inserting(self, rows: Sequence[EntryRow]) -> Statement:
        """Insert a few rows."""
        *columns, data = zip(*rows, strict=True)
        return Statement(WRITE_ENTRIES, (*columns, [one.decode() for one in data]))

    def copied(self, row: EntryRow) -> bytes:
        """Return the row as COPY takes it in binary form."""
        seq, kind, principal, key, print_, data = row
        name, who, size = kind.encode(), principal.encode(), len(data)
        if key is None or print_ is None:
            prints = _NO_PRINTS.pack(-1, -1, size)
        else:
            prints = _PRINTS.pack(len(key), key, len(print_), print_, size)
        head = _ENTRY.pack(6, 8, seq, len(name))
        return b"".join((head, name, _LENGTH.pack(len(who)), who, prints, data))


ENTRIES = Entries()


def row_locks(locks: Sequence[RowLock]) -> list[str]:
    """Return the statements that lock domain rows in sorted order, one a table.

    They have no arguments, so that they go with others in one message.
    """
    by_table: dict[tuple[int, str], set[str]] = {}
    for rank, table, row in locks:
        by_table.setdefault((rank, table), set()).add(row)
    # The table's name comes from a room's code, never from input.
    return [
        f"SELECT 1 FROM {table} WHERE id = ANY({_array(sorted(ids))}) "  # noqa: S608
        "ORDER BY id FOR NO KEY UPDATE"
        for (_, table), ids in sorted(by_table.items())
    ]


def _array(texts: Sequence[str]) -> str:
    """Return texts as a statement holds them, whatever they are.

    In escape strings, which every setting of the server reads alike. What no text of PostgreSQL
    has, NUL, no id of a row has either.
    """
    quoted = (
        "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
        for text in texts
        if "\x00" not in text
    )
    return f"ARRAY[{','.join(quoted)}]::text[]"


async def lock_journal(driver: Driver) -> None:
    """Wait for the tenant's journal; the caller reads only in later statements."""
    await driver.execute(LOCK)


async def read_each(driver: Driver, statements: Sequence[Statement], acts: int = 1) -> list[Rows]:
    """Return the rows of each statement; all that return few are asked for in one round trip."""
    found: list[Rows] = [()] * len(statements)
    alone = [place for place, one in enumerate(statements) if one.dense and acts > JOINED_ACTS]
    joined = [place for place in range(len(statements)) if place not in alone]
    if joined:
        asked = joined_reading([statements[place] for place in joined])
        row = await driver.fetchrow(asked.text, *asked.arguments)
        for place, rows in zip(joined, row, strict=True):
            found[place] = rows
    for place in alone:
        one = statements[place]
        found[place] = await driver.fetch(one.text, *one.arguments)
    return found


async def fetch_rows(driver: Driver, shelf: Shelf[K, V], keys: Sequence[K]) -> Mapping[K, V]:
    """Return what exists of the keys, read outside a batch."""
    asked = shelf.reading(keys)
    return shelf.read(keys, await driver.fetch(asked.text, *asked.arguments))


def head_reading() -> Statement:
    """Return the statement that reads where the journal stands."""
    return Statement(READ_HEAD, ())


def keys_reading(hashes: Iterable[bytes]) -> Statement:
    """Return the statement that reads which of the keys the journal knows, with their seqs."""
    return Statement(READ_KEYS, (b"".join(hashes),))


def read_head(rows: Rows) -> tuple[datetime, Head]:
    """Return the time of the next batch, and where the journal stands before it."""
    if not rows:
        raise LookupError("the journal has no first batch: the tenant's schema is incomplete")
    head = Head(*rows[0][:5])
    # Time never runs backwards in a journal, whatever the machine's clock does.
    return max(rows[0][5], head.at), head


async def fetch_head(driver: Driver) -> tuple[datetime, Head]:
    """Return the same in a transaction that writes no batch of acts."""
    return read_head(await driver.fetch(READ_HEAD))


async def fetch_head_and_keys(driver: Driver, hashes: Sequence[bytes]) -> tuple[Head, bool]:
    """Return where the journal stands, and whether it knows one of the keys: one round trip."""
    if not hashes:
        return (await fetch_head(driver))[1], False
    head, known = await read_each(driver, [head_reading(), keys_reading(hashes)], len(hashes))
    return read_head(head)[1], bool(known)


async def read_receipts(driver: Driver, seqs: Sequence[int]) -> dict[int, StoredReceipt]:
    """Read entries by position."""
    rows = await driver.fetch(READ_RECEIPTS, seqs)
    return {
        row[0]: StoredReceipt(
            Receipt(row[0], row[1], row[2], row[3], row[5].encode(), replayed=True), row[4]
        )
        for row in rows
    }


async def copy_packed(driver: Driver, table: str, rows: Iterable[bytes]) -> None:
    """Copy rows in binary form: for many, less work on both ends than an INSERT.

    They come packed, because the driver takes longer to do it for any rows.
    """
    data = b"".join((_COPY_HEAD, *rows, _COPY_END))
    # Bytes the driver would take for the path of a file.
    await driver.copy_to_table(table, source=memoryview(data), format="binary")


async def write_joined(driver: Driver, statements: Sequence[Statement]) -> None:
    """Run the statements in one round trip."""
    joined = joined_writing(statements)
    await driver.execute(joined.text, *joined.arguments)


def copied_keys_writing(entries: Sequence[EntryRow]) -> Statement:
    """Return the statement that writes the keys of entries that were copied."""
    return Statement(WRITE_COPIED_KEYS, (entries[0][0], entries[-1][0]))


def keys_writing(entries: Sequence[EntryRow]) -> Statement | None:
    """Return the statement that writes the keys of a few entries, if they have any."""
    keys = [(key, seq) for seq, _, _, key, _, _ in entries if key is not None]
    return Statement(WRITE_KEYS, tuple(zip(*keys, strict=True))) if keys else None


def batch_writing(batch: BatchRow) -> Statement:
    """Return the statement that writes the batch itself with the hash over all its rows."""
    return Statement(WRITE_BATCH, batch)


def payloads_writing(payloads: Sequence[tuple[int, Sealed]]) -> Statement:
    """Return the statement that keeps the sealed payloads of a batch beside the chain."""
    rows = [(seq, one.person, one.ciphertext) for seq, one in payloads]
    return Statement(WRITE_PAYLOADS, tuple(zip(*rows, strict=True)))


def key_is_known(error: BaseException) -> bool:
    """Say whether it is the index of the keys that has refused to store one again."""
    if not isinstance(error, asyncpg.UniqueViolationError):
        return False
    return str(error.table_name).startswith("journal_key")


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
