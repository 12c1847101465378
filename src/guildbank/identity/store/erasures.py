"""SQL of persons to be forgotten: requests, legal holds, and what an erasure waits for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from guildbank.identity.contracts.lives import Erasure, LegalHold
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.infra.room import Obstacle
from guildbank.journal import Driver, Rows, Statement

COLUMNS = "player_id, own, principal, requested_at, due_at, erased_at, swept_at"

READ = f"""
SELECT {COLUMNS}
FROM identity_erasure
WHERE player_id = ANY($1::text[])
"""  # noqa: S608 - names of our own columns

SAVE = """
UPDATE identity_erasure
SET erased_at = done.erased_at
FROM unnest($1::text[], $2::timestamptz[]) AS done (player_id, erased_at)
WHERE identity_erasure.player_id = done.player_id
"""

# In the same commit: without it nothing that was sealed for the person can be opened.
DESTROY_KEYS = """
DELETE FROM identity_person_key
WHERE player_id = ANY($1::text[])
"""

ADD = """
INSERT INTO identity_erasure (player_id, own, principal, requested_at, due_at)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (player_id) DO UPDATE
SET own = EXCLUDED.own, principal = EXCLUDED.principal, requested_at = EXCLUDED.requested_at,
    due_at = EXCLUDED.due_at
WHERE identity_erasure.erased_at IS NULL
"""

UNDO_OWN = """
DELETE FROM identity_erasure
WHERE player_id = $1
  AND own
  AND erased_at IS NULL
"""

UNDO = """
DELETE FROM identity_erasure
WHERE player_id = $1
  AND erased_at IS NULL
"""

OPEN = f"""
SELECT {COLUMNS}
FROM identity_erasure
WHERE due_at <= $1
  AND swept_at IS NULL
ORDER BY due_at
LIMIT $2
"""  # noqa: S608 - names of our own columns

PUT_OFF = """
UPDATE identity_erasure
SET due_at = $2
WHERE player_id = $1
  AND erased_at IS NULL
"""

SWEPT = """
UPDATE identity_erasure
SET swept_at = $2
WHERE player_id = $1
"""

DONE_PAGE = f"""
SELECT {COLUMNS}
FROM identity_erasure
WHERE erased_at IS NOT NULL
  AND player_id > $1
ORDER BY player_id
LIMIT $2
"""  # noqa: S608 - names of our own columns

# A hold placed while an erasure is decided waits for it, and finds the person gone.
ADD_HOLD = """
INSERT INTO identity_legal_hold (id, player_id, sealed, placed_by, placed_at, until)
SELECT $1, id, $3, $4, $5, $6
FROM identity_player
WHERE id = $2
  AND state <> 'erased'
FOR SHARE
RETURNING id
"""

LIFT_HOLD = """
UPDATE identity_legal_hold
SET lifted_at = $3, lifted_by = $4
WHERE id = $1
  AND player_id = $2
  AND lifted_at IS NULL
RETURNING id
"""

HOLDS = """
SELECT id, player_id, sealed, placed_by, placed_at, until, lifted_at, lifted_by
FROM identity_legal_hold
WHERE player_id = $1
ORDER BY id DESC
LIMIT $2
"""

# Where no room declares an obstacle.
NOTHING = """
SELECT '' AS name, '' AS player
WHERE $1::text[] IS NULL
"""

# Of an address that somebody else gave too only who confirmed it hears: anyone may claim one.
ADDRESSES = """
SELECT DISTINCT mine.address
FROM identity_email AS mine
WHERE mine.player_id = $1
  AND (mine.confirmed_at IS NOT NULL
       OR NOT EXISTS (
           SELECT FROM identity_email AS other
           WHERE other.canonical = mine.canonical
             AND other.player_id <> mine.player_id
       ))
"""


class Erasures:
    """Requests by player, which others than acts write too: read under the lock alone."""

    order: ClassVar[int] = IDENTITY_ORDER + 3
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the requests that exist."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Erasure]:
        """Return the requests by player."""
        return {row[0]: erasure(row) for row in rows}

    def saving(self, changed: Mapping[str, Erasure]) -> Sequence[Statement]:
        """Note when they were erased, and destroy the persons' keys."""
        rows = [(one.player_id, one.erased_at) for one in changed.values()]
        return [
            Statement(SAVE, tuple(zip(*rows, strict=True))),
            Statement(DESTROY_KEYS, ([one[0] for one in rows],)),
        ]


class Obstacles:
    """What stands against erasing players now, by player: the names of obstacles; read only."""

    order: ClassVar[int] = IDENTITY_ORDER + 4
    derived: ClassVar[bool] = True

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        parts = [
            f"SELECT '{one.name}' AS name, part.player FROM ({one.statement}) AS part (player)"  # noqa: S608
            for one in obstacles
        ]
        self._text = "\nUNION ALL\n".join(parts) or NOTHING

    def reading(self, keys: Sequence[str]) -> Statement:
        """Ask all rooms at once."""
        return Statement(self._text, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, tuple[str, ...]]:
        """Return the names of what stands, for every key."""
        found: dict[str, tuple[str, ...]] = dict.fromkeys(keys, ())
        for row in rows:
            found[row[1]] = (*found[row[1]], row[0])
        return found

    def saving(self, changed: Mapping[str, tuple[str, ...]]) -> Sequence[Statement]:
        """Write nothing."""
        return ()


ERASURES = Erasures()


def erasure(row: Sequence[Any]) -> Erasure:
    """Return the request of a row."""
    return Erasure(**dict(zip(COLUMNS.split(", "), row, strict=True)))


async def erasure_of(driver: Driver, player_id: str) -> Erasure | None:
    """Return the player's request, if there is one."""
    row = await driver.fetchrow(READ, [player_id])
    return None if row is None else erasure(row)


async def add(driver: Driver, asked: Erasure) -> None:
    """Keep a request, in place of an earlier one that still waits."""
    await driver.execute(
        ADD, asked.player_id, asked.own, asked.principal, asked.requested_at, asked.due_at
    )


async def undo_own(driver: Driver, player_id: str) -> None:
    """Forget a request of the player's own that still waits."""
    await driver.execute(UNDO_OWN, player_id)


async def undo(driver: Driver, player_id: str) -> bool:
    """Forget a request that still waits; False if there is none."""
    done: str = await driver.execute(UNDO, player_id)
    return done != "DELETE 0"


async def open_ones(driver: Driver, now: datetime, limit: int) -> list[Erasure]:
    """Return requests that are due or not swept, the longest due first."""
    return [erasure(row) for row in await driver.fetch(OPEN, now, limit)]


async def put_off(driver: Driver, player_id: str, until: datetime) -> None:
    """Try again then."""
    await driver.execute(PUT_OFF, player_id, until)


async def swept(driver: Driver, player_id: str, now: datetime) -> None:
    """Note that nothing is left to clear away."""
    await driver.execute(SWEPT, player_id, now)


async def done_page(driver: Driver, after: str, limit: int) -> list[Erasure]:
    """Return the persons that were erased, in the order of their ids."""
    return [erasure(row) for row in await driver.fetch(DONE_PAGE, after, limit)]


async def standing_obstacles(
    driver: Driver, obstacles: Sequence[Obstacle], player_id: str
) -> tuple[str, ...]:
    """Return the names of what stands against erasing the player now."""
    shelf = Obstacles(obstacles)
    asked = shelf.reading([player_id])
    return shelf.read([player_id], await driver.fetch(asked.text, *asked.arguments))[player_id]


async def addresses(driver: Driver, player_id: str) -> list[str]:
    """Return the addresses that are the player's, as far as anybody can tell."""
    return [row[0] for row in await driver.fetch(ADDRESSES, player_id)]


async def add_hold(driver: Driver, hold: LegalHold, sealed: bytes) -> bool:
    """Keep a hold; False for a player who is unknown or erased."""
    found = await driver.fetchval(
        ADD_HOLD, hold.id, hold.player_id, sealed, hold.placed_by, hold.placed_at, hold.until
    )
    return found is not None


async def lift_hold(
    driver: Driver, hold_id: str, player_id: str, now: datetime, principal: str
) -> bool:
    """End a hold; False if none of the player's stands under the id."""
    return await driver.fetchval(LIFT_HOLD, hold_id, player_id, now, principal) is not None


async def holds(driver: Driver, player_id: str, limit: int) -> list[tuple[LegalHold, bytes]]:
    """Return the player's holds, the newest first, each with its sealed reason."""
    return [
        (
            LegalHold(
                id=row[0], player_id=row[1], reason=None, placed_by=row[3], placed_at=row[4],
                until=row[5], lifted_at=row[6], lifted_by=row[7],
            ),
            row[2],
        )
        for row in await driver.fetch(HOLDS, player_id, limit)
    ]  # fmt: skip
