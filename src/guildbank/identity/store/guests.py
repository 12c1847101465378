"""SQL of guests: players who have nothing but a secret that the server made."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from guildbank.identity.contracts.sign_in import Entrant
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, Rows, Statement

GUESTS_BY_PLAYER = """
SELECT player_id, hash
FROM identity_guest
WHERE player_id = ANY($1::text[])
"""

ADD_GUESTS = """
INSERT INTO identity_guest (player_id, hash)
SELECT *
FROM unnest($1::text[], $2::bytea[])
"""

END_GUESTS = """
DELETE FROM identity_guest
WHERE player_id = ANY($1::text[])
"""

GUEST_OF_HASH = """
SELECT player.id, player.state, player.credentials
FROM identity_guest AS guest
JOIN identity_player AS player ON player.id = guest.player_id
WHERE guest.hash = $1
"""


class Guests:
    """Hashes of guests' secrets, by player; None ends one, for its player has a better way in."""

    order: ClassVar[int] = IDENTITY_ORDER + 1
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that are guests."""
        return Statement(GUESTS_BY_PLAYER, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, bytes | None]:
        """Return the hashes by player."""
        return {row[0]: bytes(row[1]) for row in rows}

    def saving(self, changed: Mapping[str, bytes | None]) -> Sequence[Statement]:
        """Insert new guests and delete those who are none any more."""
        new = [(player_id, hash_) for player_id, hash_ in changed.items() if hash_ is not None]
        ended = [player_id for player_id, hash_ in changed.items() if hash_ is None]
        added = [Statement(ADD_GUESTS, tuple(zip(*new, strict=True)))] if new else []
        return [*added, Statement(END_GUESTS, (ended,))] if ended else added


GUESTS = Guests()


async def is_guest(driver: Driver, player_id: str) -> bool:
    """Say whether the player has nothing but a guest's secret of ours."""
    return bool(await driver.fetch(GUESTS_BY_PLAYER, [player_id]))


async def guest_of(driver: Driver, hash_: bytes) -> Entrant | None:
    """Return the guest whose secret has this hash."""
    row = await driver.fetchrow(GUEST_OF_HASH, hash_)
    return None if row is None else Entrant(*row)
