"""SQL of players: the shelves that acts read under the journal lock, and plain reads."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from guildbank.identity.contracts import Player
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver

PLAYERS_BY_ID = """
SELECT id, external_id, state, created_at
FROM identity_player
WHERE id = ANY($1::text[])
"""

PLAYERS_BY_EXTERNAL_ID = """
SELECT id, external_id, state, created_at
FROM identity_player
WHERE external_id = ANY($1::text[])
"""

# A player's external id never changes; what may change of an existing row is its state.
SAVE_PLAYERS = """
INSERT INTO identity_player (id, external_id, state, created_at)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT (id) DO UPDATE
SET state = EXCLUDED.state
"""

PLAYER_PAGE = """
SELECT id, external_id, state, created_at
FROM identity_player
WHERE id > $1
ORDER BY id
LIMIT $2
"""


class Players:
    """The shelf of players by id: what any room asks before it books for a player."""

    order: ClassVar[int] = IDENTITY_ORDER

    async def load(self, driver: Driver, keys: Sequence[str]) -> Mapping[str, Player]:
        """Return the players that exist."""
        return {player.id: player for player in await players_by_id(driver, keys)}

    async def save(self, driver: Driver, changed: Mapping[str, Player]) -> None:
        """Insert new players, or update the state of known ones."""
        players = list(changed.values())
        await driver.execute(
            SAVE_PLAYERS,
            [one.id for one in players],
            [one.external_id for one in players],
            [one.state for one in players],
            [one.created_at for one in players],
        )


class PlayersByExternalId:
    """The same players by the game's id; `Players` does the writing."""

    order: ClassVar[int] = IDENTITY_ORDER

    async def load(self, driver: Driver, keys: Sequence[str]) -> Mapping[str, Player]:
        """Return the players that exist."""
        rows = await driver.fetch(PLAYERS_BY_EXTERNAL_ID, keys)
        return {row["external_id"]: _player(row) for row in rows}

    async def save(self, driver: Driver, changed: Mapping[str, Player]) -> None:
        """Write nothing: this shelf is an index."""


PLAYERS = Players()
PLAYERS_BY_EXTERNAL = PlayersByExternalId()


async def players_by_id(driver: Driver, ids: Sequence[str]) -> list[Player]:
    """Return the players that exist, in no order."""
    return [_player(row) for row in await driver.fetch(PLAYERS_BY_ID, ids)]


async def player_by_external_id(driver: Driver, external_id: str) -> Player | None:
    """Return the player whom the game calls so."""
    row = await driver.fetchrow(PLAYERS_BY_EXTERNAL_ID, [external_id])
    return None if row is None else _player(row)


async def player_page(driver: Driver, after: str, limit: int) -> list[Player]:
    """Return players in the order of their ids, which is that of their creation."""
    return [_player(row) for row in await driver.fetch(PLAYER_PAGE, after, limit)]


def _player(row: Any) -> Player:
    return Player(row["id"], row["external_id"], row["state"], row["created_at"])
