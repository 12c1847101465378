"""SQL of tickets: secrets that were mailed or handed out, each good once."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

from guildbank.identity.contracts.sign_in import Purpose, Ticket
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, PutOnly, Statement

# None is kept of who was erased: the row would outlive the sweep.
ADD = """
INSERT INTO identity_ticket (hash, purpose, player_id, data, code_hash, expires_at)
SELECT $1, $2, $3, $4, $5, $6
WHERE $3::text IS NULL
   OR EXISTS (
       SELECT FROM identity_player WHERE id = $3 AND state <> 'erased' FOR SHARE
   )
"""

ADD_ALL = """
INSERT INTO identity_ticket (hash, purpose, player_id, data, code_hash, expires_at)
SELECT *
FROM unnest(
    $1::bytea[], $2::text[], $3::text[], $4::bytea[], $5::bytea[], $6::timestamptz[]
)
"""

FIND = """
SELECT purpose, player_id, data, expires_at
FROM identity_ticket
WHERE hash = $1
  AND purpose = ANY($2::text[])
  AND expires_at > $3
"""

# Of two that come with one secret, one finds it gone.
TAKE = """
DELETE FROM identity_ticket
WHERE hash = $1
  AND purpose = ANY($2::text[])
RETURNING purpose, player_id, data, expires_at
"""

FIND_BY_CODE = """
SELECT purpose, player_id, data, expires_at
FROM identity_ticket
WHERE player_id = $1
  AND purpose = $2
  AND code_hash = $3
  AND tries <= $4
  AND expires_at > $5
"""

TAKE_BY_CODE = """
DELETE FROM identity_ticket
WHERE player_id = $1
  AND purpose = $2
  AND code_hash = $3
  AND tries <= $4
  AND expires_at > $5
RETURNING purpose, player_id, data, expires_at
"""

COUNT_TRY = """
UPDATE identity_ticket
SET tries = tries + 1
WHERE player_id = $1
  AND purpose = $2
  AND code_hash IS NOT NULL
"""

DROP = """
DELETE FROM identity_ticket
WHERE player_id = $1
  AND purpose = ANY($2::text[])
"""

DROP_LATER = """
DELETE FROM identity_ticket
WHERE player_id = $1
  AND purpose = $2
  AND expires_at >= $3
"""

FORGET = """
DELETE FROM identity_ticket
WHERE hash IN (
    SELECT hash
    FROM identity_ticket
    WHERE expires_at <= $1
    LIMIT $2
)
"""


class NewTicket(NamedTuple):
    """A ticket with the hash of its secret, and that of a code that stands beside it."""

    hash: bytes
    ticket: Ticket
    code_hash: bytes | None = None

    @property
    def row(self) -> tuple[object, ...]:
        """Return it in the order of its columns."""
        one = self.ticket
        return (self.hash, one.purpose, one.player_id, one.data, self.code_hash, one.expires_at)


class Tickets(PutOnly):
    """Tickets that an act of the journal hands out, by hash; put only."""

    order: ClassVar[int] = IDENTITY_ORDER + 1

    def saving(self, changed: Mapping[bytes, NewTicket]) -> Sequence[Statement]:
        """Insert them all."""
        columns = zip(*(one.row for one in changed.values()), strict=True)
        return [Statement(ADD_ALL, tuple(columns))]


TICKETS = Tickets()


async def add(driver: Driver, new: NewTicket) -> None:
    """Keep a ticket by the hash of its secret."""
    await driver.execute(ADD, *new.row)


async def find(
    driver: Driver, hash_: bytes, purposes: list[Purpose], now: datetime
) -> Ticket | None:
    """Return a ticket of one of these purposes and leave it as it is."""
    row = await driver.fetchrow(FIND, hash_, purposes, now)
    return None if row is None else _ticket(row)


async def take(
    driver: Driver, hash_: bytes, purposes: list[Purpose], now: datetime
) -> Ticket | None:
    """Use a ticket of one of these purposes up, once the caller commits."""
    row = await driver.fetchrow(TAKE, hash_, purposes)
    return None if row is None or row[3] <= now else _ticket(row)


async def count_try(driver: Driver, player_id: str, purpose: Purpose) -> None:
    """Count a code that the player typed; to be committed before it is looked at."""
    await driver.execute(COUNT_TRY, player_id, purpose)


async def find_by_code(
    driver: Driver, player_id: str, purpose: Purpose, code_hash: bytes, tries: int, now: datetime
) -> Ticket | None:
    """Return the ticket that `take_by_code` would use up, and leave it as it is."""
    row = await driver.fetchrow(FIND_BY_CODE, player_id, purpose, code_hash, tries, now)
    return None if row is None else _ticket(row)


async def take_by_code(
    driver: Driver, player_id: str, purpose: Purpose, code_hash: bytes, tries: int, now: datetime
) -> Ticket | None:
    """Use up the player's ticket with this code unless it was tried more than `tries` times."""
    row = await driver.fetchrow(TAKE_BY_CODE, player_id, purpose, code_hash, tries, now)
    return None if row is None else _ticket(row)


async def drop(driver: Driver, player_id: str, purposes: list[Purpose]) -> None:
    """Make the player's tickets of these purposes worthless."""
    await driver.execute(DROP, player_id, purposes)


async def drop_later(
    driver: Driver, player_id: str, purpose: Purpose, expires_at: datetime
) -> None:
    """Make those of the player's tickets worthless that were handed out after one of that end."""
    await driver.execute(DROP_LATER, player_id, purpose, expires_at)


async def forget(driver: Driver, now: datetime, at_once: int) -> int:
    """Delete tickets that have expired, at most so many; return how many."""
    return int((await driver.execute(FORGET, now, at_once)).split()[-1])


def _ticket(row: Any) -> Ticket:
    return Ticket(purpose=row[0], player_id=row[1], data=bytes(row[2]), expires_at=row[3])
