"""SQL of what is watched all the time: the last rounds of the proof, and what was told of them."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.journal import Driver

READ = """
SELECT checked_at, checked_seq, ok, found, problems, full_at, full_seq, full_millis
FROM ledger_proof
"""

WRITE = """
INSERT INTO ledger_proof (id, checked_at, checked_seq, ok, found, problems, full_at, full_seq,
                          full_millis)
VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE
SET checked_at = excluded.checked_at, checked_seq = excluded.checked_seq, ok = excluded.ok,
    found = excluded.found, problems = excluded.problems, full_at = excluded.full_at,
    full_seq = excluded.full_seq, full_millis = excluded.full_millis
"""

# Of two who see the same only one is granted the row, and tells.
RAISE = """
INSERT INTO ledger_alarm (name, raised_at)
VALUES ($1, $2)
ON CONFLICT (name) DO NOTHING
RETURNING name
"""

END = """
DELETE FROM ledger_alarm
WHERE name = $1
RETURNING raised_at
"""

RAISED_AT = """
SELECT raised_at
FROM ledger_alarm
WHERE name = $1
"""

# Sums of what accounts keep, where they keep it: no transfer is read.
READ_KEPT = """
SELECT asset, sum(credited - spent - clawed)::bigint,
       count(*) FILTER (WHERE credited - spent - clawed - held < floor)
FROM ledger_account
WHERE floor IS NOT NULL
GROUP BY asset
"""

READ_UNKEPT = """
SELECT id, asset
FROM ledger_account
WHERE floor IS NULL
  AND id > $1
ORDER BY id
LIMIT $2
"""


class Kept(msgspec.Struct, frozen=True):
    """What the last rounds found; `problems` is JSON. `full_*` is of the last whole reading."""

    checked_at: datetime
    checked_seq: int
    ok: bool
    found: int
    problems: str
    full_at: datetime
    full_seq: int
    full_millis: int


async def read_kept(driver: Driver) -> Kept | None:
    """Return what the last rounds found, None before the first."""
    row = await driver.fetchrow(READ)
    return None if row is None else Kept(*row)


async def write_kept(driver: Driver, kept: Kept) -> None:
    """Keep what a round found."""
    await driver.execute(WRITE, *msgspec.structs.astuple(kept))


async def raise_alarm(driver: Driver, name: str, at: datetime) -> bool:
    """Mark the alarm as told; say whether that is new."""
    return await driver.fetchval(RAISE, name, at) is not None


async def end_alarm(driver: Driver, name: str) -> datetime | None:
    """Take the mark away; return since when it stood, None where there was none."""
    since: datetime | None = await driver.fetchval(END, name)
    return since


async def raised_at(driver: Driver, name: str) -> datetime | None:
    """Return since when the alarm stands, None where it does not."""
    since: datetime | None = await driver.fetchval(RAISED_AT, name)
    return since


async def kept_sums(driver: Driver) -> Sequence[tuple[str, int, int]]:
    """Return by asset what accounts with totals of their own sum to, and how many overdrew."""
    return [(row[0], row[1], row[2]) for row in await driver.fetch(READ_KEPT)]


async def accounts_without_totals(
    driver: Driver, after: int, limit: int
) -> Sequence[tuple[int, str]]:
    """Return accounts that keep no totals, and their assets, in order of id."""
    return [(row[0], row[1]) for row in await driver.fetch(READ_UNKEPT, after, limit)]
