"""SQL of the copies of what is known of persons, on a tenant's schema."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from guildbank.identity.contracts.exports import Export
from guildbank.journal import Driver

BLOCK_ROWS = 500
_COLUMNS = "id, player_id, state, principal, requested_at, expires_at, ready_at, bytes, problem"

ADD = """
INSERT INTO identity_export (id, player_id, state, principal, requested_at, expires_at)
SELECT $1, id, 'waiting', $3, $4, $5
FROM identity_player
WHERE id = $2
  AND state <> 'erased'
FOR SHARE
RETURNING id
"""

ONE = f"""
SELECT {_COLUMNS}
FROM identity_export
WHERE id = $1
  AND player_id = $2
"""  # noqa: S608 - names of our own columns

WAITING_OF = f"""
SELECT {_COLUMNS}
FROM identity_export
WHERE player_id = $1
  AND state = 'waiting'
  AND (principal = player_id) = $2
LIMIT 1
"""  # noqa: S608 - names of our own columns

WAITING = f"""
SELECT {_COLUMNS}
FROM identity_export
WHERE state = 'waiting'
ORDER BY id
LIMIT $1
"""  # noqa: S608 - names of our own columns

# Each has its end: it is made, and forgotten after some days.
ANY = """
SELECT
FROM identity_export
"""

# Nothing is kept of whoever was erased while the file was made.
READY = """
UPDATE identity_export
SET state = 'ready', ready_at = $2, bytes = $3
WHERE id = $1
  AND state = 'waiting'
RETURNING id
"""

FAILED = """
UPDATE identity_export
SET state = 'failed', problem = $2
WHERE id = $1
"""

ADD_PART = """
INSERT INTO identity_export_part (export_id, number, sealed)
VALUES ($1, $2, $3)
"""

PART = """
SELECT sealed
FROM identity_export_part
WHERE export_id = $1
  AND number = $2
"""

# Those that the player asked for and those that the tenant's people did are counted apart.
OLDER = """
SELECT id
FROM (
    SELECT id,
           row_number() OVER (PARTITION BY principal = player_id ORDER BY id DESC) AS place
    FROM identity_export
    WHERE player_id = $1
) AS numbered
WHERE place > $2
"""

DROP_PARTS = """
DELETE FROM identity_export_part
WHERE export_id = ANY($1::text[])
"""

DROP = """
DELETE FROM identity_export
WHERE id = ANY($1::text[])
"""

FORGET_PARTS = """
DELETE FROM identity_export_part
WHERE export_id IN (SELECT id FROM identity_export WHERE expires_at <= $1)
"""

FORGET = """
DELETE FROM identity_export
WHERE expires_at <= $1
"""


async def add(driver: Driver, export: Export) -> bool:
    """Ask for an export; False for a player who is unknown or erased."""
    values = (export.id, export.player_id, export.principal)
    return await driver.fetchval(ADD, *values, export.requested_at, export.expires_at) is not None


async def one(driver: Driver, export_id: str, player_id: str) -> Export | None:
    """Return an export of the player."""
    row = await driver.fetchrow(ONE, export_id, player_id)
    return None if row is None else _export(row)


async def waiting_of(driver: Driver, player_id: str, *, own: bool) -> Export | None:
    """Return what is yet to be made: the player's own export, or one of the tenant's people."""
    row = await driver.fetchrow(WAITING_OF, player_id, own)
    return None if row is None else _export(row)


async def keep_newest(driver: Driver, player_id: str, count: int) -> None:
    """Delete the player's exports but the newest of each kind; the player is locked."""
    older = [row[0] for row in await driver.fetch(OLDER, player_id, count)]
    await driver.execute(DROP_PARTS, older)
    await driver.execute(DROP, older)


async def waiting(driver: Driver, limit: int) -> list[Export]:
    """Return exports that are yet to be made, the oldest first."""
    return [_export(row) for row in await driver.fetch(WAITING, limit)]


async def rows_of(driver: Driver, sql: str, key: object) -> AsyncIterator[Sequence[Any]]:
    """Yield what a room knows, in blocks of records with the names of their columns."""
    cursor = await driver.cursor(sql, key)
    while block := await cursor.fetch(BLOCK_ROWS):
        yield block


async def ready(driver: Driver, export_id: str, now: datetime, size: int) -> bool:
    """Say that the file is whole; False if it is not wanted any more."""
    return await driver.fetchval(READY, export_id, now, size) is not None


async def failed(driver: Driver, export_id: str, problem: str) -> None:
    """Say that there will be no file."""
    await driver.execute(FAILED, export_id, problem)


async def add_part(driver: Driver, export_id: str, number: int, sealed: bytes) -> None:
    """Keep a part of the file."""
    await driver.execute(ADD_PART, export_id, number, sealed)


async def part(driver: Driver, export_id: str, number: int) -> bytes | None:
    """Return a part of the file, None after the last."""
    found: bytes | None = await driver.fetchval(PART, export_id, number)
    return found


async def forget(driver: Driver, now: datetime) -> None:
    """Delete the exports whose time is over."""
    await driver.execute(FORGET_PARTS, now)
    await driver.execute(FORGET, now)


def _export(row: Sequence[Any]) -> Export:
    return Export(**dict(zip(_COLUMNS.split(", "), row, strict=True)))
