"""SQL of what callback plugins are yet to be told."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.journal import Driver, Entry

ADD = """
INSERT INTO payments_callback (plugin, seq, kind, at, data, tries, next_at)
SELECT plugin, seq, kind, at, data, 0, at
FROM unnest($1::text[]) AS told (plugin)
CROSS JOIN unnest($2::bigint[], $3::text[], $4::timestamptz[], $5::text[])
     AS entry (seq, kind, at, data)
ON CONFLICT (plugin, seq) DO NOTHING
"""

# The oldest one only, so that a plugin hears everything in order; taking it keeps others away.
TAKE = """
UPDATE payments_callback
SET tries = tries + 1, next_at = $3
WHERE plugin = $1
  AND seq = (SELECT min(seq) FROM payments_callback WHERE plugin = $1)
  AND next_at <= $2
RETURNING seq, kind, at, data, tries
"""

DONE = """
DELETE FROM payments_callback
WHERE plugin = $1
  AND seq = $2
"""

DELAY = """
UPDATE payments_callback
SET next_at = $3
WHERE plugin = $1
  AND seq = $2
"""


class Waiting(msgspec.Struct, frozen=True):
    """An entry that a plugin is to be told."""

    seq: int
    kind: str
    at: datetime
    data: str
    tries: int


async def add_entries(driver: Driver, plugins: Sequence[str], entries: Sequence[Entry]) -> None:
    """Keep the entries for each plugin, once."""
    await driver.execute(
        ADD,
        plugins,
        [one.seq for one in entries],
        [one.kind for one in entries],
        [one.at for one in entries],
        [one.data.decode() for one in entries],
    )


async def take_oldest(
    driver: Driver, plugin: str, now: datetime, until: datetime
) -> Waiting | None:
    """Take the plugin's oldest entry until then, None when there is none or it has to wait."""
    row = await driver.fetchrow(TAKE, plugin, now, until)
    return None if row is None else Waiting(*row)


async def mark_done(driver: Driver, plugin: str, seq: int) -> None:
    """Forget an entry that the plugin was told."""
    await driver.execute(DONE, plugin, seq)


async def put_off(driver: Driver, plugin: str, seq: int, at: datetime) -> None:
    """Tell the plugin again later."""
    await driver.execute(DELAY, plugin, seq, at)
