"""SQL of the keys of persons, on a tenant's schema."""

from collections.abc import Collection

from guildbank.journal import Driver

READ_KEY = """
SELECT wrapped
FROM identity_person_key
WHERE player_id = $1
"""

READ_KEYS = """
SELECT player_id, wrapped
FROM identity_person_key
WHERE player_id = ANY($1::text[])
"""

# Of several that try at once one inserts; an unknown or erased player gets no row. Waits for an
# erasure under way, which would not see the row.
ADD_KEY = """
INSERT INTO identity_person_key (player_id, wrapped)
SELECT id, $2
FROM identity_player
WHERE id = $1
  AND state <> 'erased'
FOR SHARE
ON CONFLICT (player_id) DO NOTHING
"""


async def read_person_key(driver: Driver, player_id: str) -> bytes | None:
    """Return the wrapped key of a player, if one was made and not destroyed."""
    wrapped: bytes | None = await driver.fetchval(READ_KEY, player_id)
    return wrapped


async def read_person_keys(driver: Driver, players: Collection[str]) -> dict[str, bytes]:
    """Return the wrapped keys of those players who have one."""
    return {row[0]: row[1] for row in await driver.fetch(READ_KEYS, list(players))}


async def add_person_key(driver: Driver, player_id: str, wrapped: bytes) -> None:
    """Keep a new key unless the player has one or does not exist."""
    await driver.execute(ADD_KEY, player_id, wrapped)
