"""SQL of what plugins and callers exchanged about payments."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from guildbank.journal import Driver

READ_PLAYERS = """
SELECT id, player_id
FROM payments_intent
WHERE id = ANY($1::text[])
"""

READ_PAYEES = """
SELECT id, player_id
FROM payments_payout
WHERE id = ANY($1::text[])
"""

ADD = """
INSERT INTO payments_exchange (id, payment_id, kind, at, sealed, about, player_id)
SELECT id, payment_id, kind, at, sealed, about, player_id
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[], $6::text[],
            $7::text[])
     AS had (id, payment_id, kind, at, sealed, about, player_id)
"""

READ = """
SELECT id, payment_id, kind, at, sealed
FROM payments_exchange
WHERE payment_id = $1
  AND id > $2
ORDER BY id
LIMIT $3
"""

READ_ABOUT = """
SELECT id, payment_id, kind, at, sealed, about, player_id
FROM payments_exchange
WHERE about = $1
  AND id > $2
ORDER BY id
LIMIT $3
"""

READ_NEWEST = """
SELECT id, payment_id, kind, at, sealed
FROM payments_exchange
WHERE payment_id = $1
  AND kind = $2
ORDER BY id DESC
LIMIT $3
"""

# Ids are in the order of their time, so the oldest are found without an index of times.
FORGET = """
DELETE FROM payments_exchange
WHERE id IN (SELECT id FROM payments_exchange ORDER BY id LIMIT $2)
  AND at < $1
"""


class ExchangeRow(NamedTuple):
    """An exchange as stored, sealed: about a payment, and under the key of its player; or about
    what `about` names, and then under the key of `player_id` where that is not None.
    """

    id: str
    payment_id: str | None
    kind: str
    at: datetime
    sealed: bytes
    about: str | None = None
    player_id: str | None = None


async def players_of(driver: Driver, payments: Collection[str]) -> Mapping[str, str]:
    """Return whose these payments are, without those that do not exist."""
    return {row[0]: row[1] for row in await driver.fetch(READ_PLAYERS, list(payments))}


async def payees_of(driver: Driver, payouts: Collection[str]) -> dict[str, str]:
    """Return whose these payouts are, without those that do not exist."""
    return {row[0]: row[1] for row in await driver.fetch(READ_PAYEES, list(payouts))}


async def add(driver: Driver, rows: Sequence[ExchangeRow]) -> None:
    """Keep exchanges of payments that exist."""
    await driver.execute(ADD, *map(list, zip(*rows, strict=True)))


async def exchanges_of(
    driver: Driver, payment_id: str, after: str, limit: int
) -> list[ExchangeRow]:
    """Return the exchanges about a payment in their order, from the first one after an id on."""
    return [ExchangeRow(*row) for row in await driver.fetch(READ, payment_id, after, limit)]


async def exchanges_about(driver: Driver, about: str, after: str, limit: int) -> list[ExchangeRow]:
    """Return the exchanges about what is no payment, from the first one after an id on."""
    return [ExchangeRow(*row) for row in await driver.fetch(READ_ABOUT, about, after, limit)]


async def newest_of_kind(
    driver: Driver, payment_id: str, kind: str, limit: int
) -> list[ExchangeRow]:
    """Return the newest exchanges of a kind about a payment, the oldest of them first."""
    found = await driver.fetch(READ_NEWEST, payment_id, kind, limit)
    return [ExchangeRow(*row) for row in reversed(found)]


async def forget(driver: Driver, before: datetime, limit: int) -> int:
    """Delete some of the exchanges that are older, and return how many."""
    status: str = await driver.execute(FORGET, before, limit)
    return int(status.rpartition(" ")[2])
