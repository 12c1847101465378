"""The shelf of purses: a currency's rules and a player's limit in one read of a batch."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec

from guildbank.journal import Driver
from guildbank.wallets.contracts import Bucket, Currency, Purse

READ_PURSES = """
SELECT asked.player, currency.code, currency.name, currency.buckets, currency.ceiling,
       currency.active, spend_limit.per_day
FROM unnest($1::text[], $2::text[]) AS asked (player, currency)
JOIN wallets_currency AS currency ON currency.code = asked.currency
LEFT JOIN wallets_limit AS spend_limit
  ON spend_limit.player = asked.player
 AND spend_limit.currency = asked.currency
"""

SAVE_LIMITS = """
INSERT INTO wallets_limit (player, currency, per_day)
SELECT *
FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (player, currency) DO UPDATE
SET per_day = excluded.per_day
"""

READ_CURRENCIES = """
SELECT code, name, buckets, ceiling, active
FROM wallets_currency
WHERE code = ANY($1::text[])
"""

READ_CODES = """
SELECT code
FROM wallets_currency
WHERE code > $1
ORDER BY code
LIMIT $2
"""

READ_DUE_HOLDS = """
SELECT seq, placed_at
FROM ledger_v_hold
WHERE state = 'open'
  AND expires_at <= now()
ORDER BY expires_at
LIMIT $1
"""

SAVE_CURRENCIES = """
INSERT INTO wallets_currency (code, name, buckets, ceiling, active)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])
ON CONFLICT (code) DO UPDATE
SET name = excluded.name, buckets = excluded.buckets, ceiling = excluded.ceiling,
    active = excluded.active
"""

# Where a new limit starts: what was spent since the day began, and what was held since and not
# released. A capture counts where its hold does, on the day when that was placed.
READ_SPENT = """
SELECT asked.player, asked.currency,
       (SELECT coalesce(sum(transfer.amount), 0)::bigint
        FROM ledger_v_transfer AS transfer
        JOIN journal_v_entry AS entry ON entry.seq = transfer.seq
        WHERE transfer.debit_owner = asked.player
          AND transfer.asset = asked.currency
          AND transfer.credit_owner = 'house'
          AND transfer.credit_bucket NOT IN ('clawed', 'issue')
          AND entry.kind <> 'wallets.captured'
          AND transfer.seq >= (
              SELECT coalesce(min(batch.first_seq), 9223372036854775807)
              FROM journal_v_batch AS batch
              WHERE batch.written_at >= asked.since
          ))
       + (SELECT coalesce(sum(hold.amount - hold.released), 0)::bigint
          FROM ledger_v_hold AS hold
          WHERE hold.owner = asked.player
            AND hold.asset = asked.currency
            AND hold.placed_at >= asked.since)
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS asked (player, currency, since)
"""


class PurseKey(NamedTuple):
    """A player and a currency."""

    player_id: str
    currency: str


def _currency(code: str, name: str, buckets: str, ceiling: int | None, active: bool) -> Currency:
    order: tuple[Bucket, ...] = msgspec.convert(tuple(buckets.split(",")), tuple[Bucket, ...])
    return Currency(code=code, name=name, order=order, ceiling=ceiling, active=active)


class Purses:
    """Purses by player and currency; absent where the currency is unknown."""

    order: ClassVar[int] = 51

    async def load(self, driver: Driver, keys: Sequence[PurseKey]) -> Mapping[PurseKey, Purse]:
        """Return the purses of known currencies; each currency is decoded once."""
        players, codes = zip(*keys, strict=True)
        known: dict[str, Currency] = {}
        found: dict[PurseKey, Purse] = {}
        for row in await driver.fetch(READ_PURSES, players, codes):
            currency = known.get(row[1])
            if currency is None:
                currency = known[row[1]] = _currency(*row[1:6])
            found[PurseKey(row[0], row[1])] = Purse(currency, row[6])
        return found

    async def save(self, driver: Driver, changed: Mapping[PurseKey, Purse]) -> None:
        """Write the limits."""
        await driver.execute(
            SAVE_LIMITS,
            [key.player_id for key in changed],
            [key.currency for key in changed],
            [purse.spend_limit_per_day for purse in changed.values()],
        )


class Currencies:
    """Currencies by code."""

    order: ClassVar[int] = 50

    async def load(self, driver: Driver, keys: Sequence[str]) -> Mapping[str, Currency]:
        """Return the currencies that exist."""
        return {row[0]: _currency(*row) for row in await driver.fetch(READ_CURRENCIES, keys)}

    async def save(self, driver: Driver, changed: Mapping[str, Currency]) -> None:
        """Insert or change currencies."""
        rows: list[tuple[Any, ...]] = [
            (one.code, one.name, ",".join(one.order), one.ceiling, one.active)
            for one in changed.values()
        ]
        await driver.execute(SAVE_CURRENCIES, *zip(*rows, strict=True))


class SpentKey(NamedTuple):
    """A player, a currency, and since when."""

    player_id: str
    currency: str
    since: datetime


class SpentSince:
    """What a player spent since a time; read only."""

    order: ClassVar[int] = 52

    async def load(self, driver: Driver, keys: Sequence[SpentKey]) -> Mapping[SpentKey, int]:
        """Return the sums."""
        players, codes, since = zip(*keys, strict=True)
        rows = await driver.fetch(READ_SPENT, players, codes, since)
        return {key: row[2] for key, row in zip(keys, rows, strict=True)}

    async def save(self, driver: Driver, changed: Mapping[SpentKey, int]) -> None:
        """Do nothing: later acts of the batch saw the change, and the transfers hold it."""


PURSES = Purses()
CURRENCIES = Currencies()
SPENT_SINCE = SpentSince()


async def currency_codes(driver: Driver, after: str, limit: int) -> list[str]:
    """Return codes of currencies greater than `after`, in order."""
    return [row[0] for row in await driver.fetch(READ_CODES, after, limit)]


async def due_holds(driver: Driver, limit: int) -> list[tuple[int, datetime]]:
    """Return open holds whose time is over, the longest over first."""
    return [(row[0], row[1]) for row in await driver.fetch(READ_DUE_HOLDS, limit)]
