"""SQL of players: the shelves that acts read under the journal lock, and plain reads."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from guildbank.identity.contracts.players import Player
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, Rows, Statement, fetch_rows

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

# A player's external id never changes until it is erased; what else may change is the state.
SAVE_PLAYERS = """
INSERT INTO identity_player (id, external_id, state, created_at)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[])
ON CONFLICT (id) DO UPDATE
SET state = EXCLUDED.state,
    external_id = EXCLUDED.external_id
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
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the players that exist."""
        return Statement(PLAYERS_BY_ID, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Player]:
        """Return the players by id."""
        return {row[0]: Player(*row) for row in rows}

    def saving(self, changed: Mapping[str, Player]) -> Sequence[Statement]:
        """Insert new players, or update known ones."""
        rows = [(one.id, one.external_id, one.state, one.created_at) for one in changed.values()]
        return [Statement(SAVE_PLAYERS, tuple(zip(*rows, strict=True)))]


class PlayersByExternalId:
    """The same players by the game's id; `Players` does the writing."""

    order: ClassVar[int] = IDENTITY_ORDER
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the players that exist."""
        return Statement(PLAYERS_BY_EXTERNAL_ID, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Player]:
        """Return the players by the game's id."""
        return {row[1]: Player(*row) for row in rows}

    def saving(self, changed: Mapping[str, Player]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


PLAYERS = Players()
PLAYERS_BY_EXTERNAL = PlayersByExternalId()


async def players_by_id(driver: Driver, ids: Sequence[str]) -> list[Player]:
    """Return the players that exist, in no order."""
    return list((await fetch_rows(driver, PLAYERS, ids)).values())


async def player_by_external_id(driver: Driver, external_id: str) -> Player | None:
    """Return the player whom the game calls so."""
    row = await driver.fetchrow(PLAYERS_BY_EXTERNAL_ID, [external_id])
    return None if row is None else Player(*row)


async def player_page(driver: Driver, after: str, limit: int) -> list[Player]:
    """Return players in the order of their ids, which is that of their creation."""
    return [Player(*row) for row in await driver.fetch(PLAYER_PAGE, after, limit)]
