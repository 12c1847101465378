"""Cursors: where each subscriber stands, tied to the hash of the batch it has read."""

from collections.abc import Sequence

from guildbank.journal.contracts import Cursor, Driver

READ = """
SELECT subscriber, seq, batch_seq, batch_hash, problem
FROM journal_cursor
WHERE subscriber = ANY($1::text[])
"""

# Whoever advances a cursor holds its row, so that two workers never hand out one entry twice.
LOCK = """
SELECT seq, batch_seq, batch_hash, problem
FROM journal_cursor
WHERE subscriber = $1
FOR NO KEY UPDATE SKIP LOCKED
"""

OPEN = """
INSERT INTO journal_cursor (subscriber, seq, batch_seq, batch_hash)
SELECT $1, last_seq, last_seq, hash
FROM journal_batch
WHERE NOT $2 OR last_seq = 0
ORDER BY last_seq DESC
LIMIT 1
ON CONFLICT (subscriber) DO NOTHING
"""

# The batch that holds the seq: the first one that ends at or after it.
ADVANCE = """
UPDATE journal_cursor
SET seq = $2, batch_seq = batch.last_seq, batch_hash = batch.hash
FROM (
    SELECT last_seq, hash
    FROM journal_batch
    WHERE last_seq >= $2
    ORDER BY last_seq
    LIMIT 1
) AS batch
WHERE subscriber = $1
"""

STOP = """
UPDATE journal_cursor
SET problem = $2
WHERE subscriber = $1
"""

READ_BATCH_HASH = """
SELECT hash
FROM journal_batch
WHERE last_seq = $1
"""


def behind(names: Sequence[str]) -> str:
    """Return a statement that finds a row unless all these subscribers stand at the newest batch.

    One whose cursor has another hash than the journal does not stand there, nor does one that has
    no cursor yet.
    """
    known = ", ".join(f"'{name}'" for name in names)
    return (
        "SELECT WHERE (SELECT count(*) FROM journal_cursor AS cursor "  # noqa: S608 - our own names
        "JOIN (SELECT last_seq, hash FROM journal_batch ORDER BY last_seq DESC LIMIT 1) AS newest "
        "ON newest.last_seq = cursor.seq AND newest.hash = cursor.batch_hash "
        f"WHERE cursor.subscriber IN ({known})) < {len(names)}"
    )


async def read_cursors(driver: Driver, names: Sequence[str]) -> dict[str, Cursor]:
    """Return the cursors that exist, by subscriber."""
    return {row[0]: Cursor(*row[1:]) for row in await driver.fetch(READ, names)}


async def open_cursor(driver: Driver, name: str, *, from_start: bool) -> None:
    """Make a subscriber's cursor, at the first entry or after the newest; once."""
    await driver.execute(OPEN, name, from_start)


async def lock_cursor(driver: Driver, name: str) -> Cursor | None:
    """Return the cursor for update; None when another worker has it in hand."""
    row = await driver.fetchrow(LOCK, name)
    return None if row is None else Cursor(*row)


async def mismatch(driver: Driver, cursor: Cursor) -> str | None:
    """Say how the journal differs from what the cursor has read; None if it does not."""
    hash_ = await driver.fetchval(READ_BATCH_HASH, cursor.batch_seq)
    if hash_ == cursor.batch_hash:
        return None
    if hash_ is None:
        return f"journal_mismatch: the batch that ended at seq {cursor.batch_seq} is gone"
    return f"journal_mismatch: the batch that ends at seq {cursor.batch_seq} has another hash"


async def advance(driver: Driver, name: str, seq: int) -> None:
    """Move a cursor to `seq`, in the transaction of the effect."""
    await driver.execute(ADVANCE, name, seq)


async def stop(driver: Driver, name: str, problem: str) -> None:
    """Stop a subscriber until an operator has looked."""
    await driver.execute(STOP, name, problem)
