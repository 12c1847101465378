"""Numbers that acts add up under the lock, such as what a player has spent today."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from guildbank.journal.contracts import Driver, Rows, Statement

READ = """
SELECT name, value, expires_at
FROM journal_counter
WHERE name = ANY($1::text[])
"""

SAVE = """
INSERT INTO journal_counter (name, value, expires_at)
SELECT *
FROM unnest($1::text[], $2::bigint[], $3::timestamptz[])
ON CONFLICT (name) DO UPDATE
SET value = excluded.value, expires_at = excluded.expires_at
"""

FORGET = """
DELETE FROM journal_counter
WHERE expires_at < $1
"""


class Counter(msgspec.Struct, frozen=True):
    """A value, and when it may be forgotten (None: never)."""

    value: int
    expires_at: datetime | None = None


class Counters:
    """The shelf of counters by name."""

    order: ClassVar[int] = 20
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the counters that were ever written."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Counter]:
        """Return the counters by name."""
        return {row[0]: Counter(row[1], row[2]) for row in rows}

    def saving(self, changed: Mapping[str, Counter]) -> Sequence[Statement]:
        """Write the new values."""
        values = changed.values()
        counted = [one.value for one in values]
        return [Statement(SAVE, (list(changed), counted, [one.expires_at for one in values]))]


COUNTERS = Counters()


async def forget_counters(driver: Driver, before: datetime) -> None:
    """Delete counters whose time is over: a counter is a limit's memory, not a record."""
    await driver.execute(FORGET, before)
