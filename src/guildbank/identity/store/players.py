"""SQL of players: the shelves that acts read under the journal lock, and plain reads."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from guildbank.identity.contracts.players import Player
from guildbank.identity.contracts.sign_in import Entrant
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, PutOnly, Rows, Statement, fetch_rows

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

# Who replaces a credential, or writes of the person, waits for an erasure and for a session that
# begins, and is seen by who comes after.
HOLD = """
SELECT id, state, credentials
FROM identity_player
WHERE id = $1
  AND state <> 'erased'
FOR NO KEY UPDATE
"""

REPLACED = """
UPDATE identity_player
SET credentials = credentials + 1
WHERE id = ANY($1::text[])
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


class Credentials(PutOnly):
    """Players of whom an act replaces a way in; their rows are to be locked."""

    order: ClassVar[int] = IDENTITY_ORDER + 1

    def saving(self, changed: Mapping[str, bool]) -> Sequence[Statement]:
        """Let sign-ins fail that rest on what was there before."""
        return [Statement(REPLACED, (list(changed),))]


PLAYERS = Players()
CREDENTIALS = Credentials()
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


async def hold_player(driver: Driver, player_id: str) -> Entrant | None:
    """Let nobody else change the player until this transaction ends.

    None for who is unknown or erased: nothing is written of them any more.
    """
    row = await driver.fetchrow(HOLD, player_id)
    return None if row is None else Entrant(row[0], row[1], row[2])


async def replaced(driver: Driver, player_ids: Sequence[str]) -> None:
    """Note that a way in of these players was replaced; hold them, or lock their rows, before."""
    await driver.execute(REPLACED, player_ids)
