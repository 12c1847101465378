"""The shelves of what rules a wallet: the currency's rules and the player's own limit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import ClassVar, NamedTuple, TypeAlias

import msgspec

from guildbank.journal import Driver, Need, Rows, Stage, Statement, words
from guildbank.ledger import holding_needs
from guildbank.wallets.contracts import Bucket, Currency, Purse

READ_LIMITS = """
SELECT spend_limit.player, spend_limit.currency, spend_limit.per_day
FROM unnest(string_to_array($1, ' '), string_to_array($2, ' ')) AS asked (player, currency)
JOIN wallets_limit AS spend_limit
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

READ_ALL_CODES = """
SELECT code
FROM wallets_currency
ORDER BY code
"""

DUE_HOLDS = """
SELECT seq, placed_at
FROM ledger_v_hold
WHERE state = 'open'
  AND expires_at <= now()
"""

READ_DUE_HOLDS = f"{DUE_HOLDS} ORDER BY expires_at LIMIT $1"

SAVE_CURRENCIES = """
INSERT INTO wallets_currency (code, name, buckets, ceiling, active)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::boolean[])
ON CONFLICT (code) DO UPDATE
SET name = excluded.name, buckets = excluded.buckets, ceiling = excluded.ceiling,
    active = excluded.active
"""

# Where a new limit starts: what was spent since the day began, and what was held since and not
# released. A capture counts where its hold does, on the day when that was placed; a reversal that
# takes coins back is no spending, nor are coins that become money, and what waits for a second
# person is none before it is done.
READ_SPENT = """
SELECT asked.player, asked.currency,
       (SELECT coalesce(sum(transfer.amount), 0)::bigint
        FROM ledger_v_transfer AS transfer
        JOIN journal_v_entry AS entry ON entry.seq = transfer.seq
        WHERE transfer.debit_owner = asked.player
          AND transfer.asset = asked.currency
          AND transfer.credit_owner = 'house'
          AND transfer.credit_bucket NOT IN ('clawed', 'issue', 'paid_out', 'suspense')
          AND entry.kind NOT IN ('wallets.captured', 'ledger.reversed')
          AND transfer.seq >= (
              SELECT coalesce(min(batch.first_seq), 9223372036854775807)
              FROM journal_v_batch AS batch
              WHERE batch.written_at >= asked.since
          ))
       + (SELECT coalesce(sum(hold.amount - hold.released), 0)::bigint
          FROM ledger_v_hold AS hold
          WHERE hold.owner = asked.player
            AND hold.asset = asked.currency
            AND hold.kept_for IS NULL
            AND hold.placed_at >= asked.since)
FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS asked (player, currency, since)
"""


ALL = "all"
PurseKey: TypeAlias = tuple[str, str]
"""A player and a currency."""


@lru_cache(maxsize=1024)
def _currency(code: str, name: str, buckets: str, ceiling: int | None, active: bool) -> Currency:
    order: tuple[Bucket, ...] = msgspec.convert(tuple(buckets.split(",")), tuple[Bucket, ...])
    return Currency(code=code, name=name, order=order, ceiling=ceiling, active=active)


class Limits:
    """What a player may spend a day; absent for most."""

    order: ClassVar[int] = 51
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[PurseKey]) -> Statement:
        """Read the limits that were ever set."""
        return Statement(READ_LIMITS, tuple(map(words, zip(*keys, strict=True))))

    def read(self, keys: Sequence[PurseKey], rows: Rows) -> Mapping[PurseKey, int | None]:
        """Return the limits by player and currency, None for one that was lifted."""
        return {(row[0], row[1]): row[2] for row in rows}

    def saving(self, changed: Mapping[PurseKey, int | None]) -> Sequence[Statement]:
        """Write the limits."""
        rows = [(*key, per_day) for key, per_day in changed.items()]
        return [Statement(SAVE_LIMITS, tuple(zip(*rows, strict=True)))]


class Currencies:
    """Currencies by code."""

    order: ClassVar[int] = 50
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the currencies that exist."""
        return Statement(READ_CURRENCIES, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Currency]:
        """Return the currencies by code."""
        return {row[0]: _currency(*row) for row in rows}

    def saving(self, changed: Mapping[str, Currency]) -> Sequence[Statement]:
        """Insert or change currencies."""
        rows = [
            (one.code, one.name, ",".join(one.order), one.ceiling, one.active)
            for one in changed.values()
        ]
        return [Statement(SAVE_CURRENCIES, tuple(zip(*rows, strict=True)))]


class Codes:
    """The codes of all currencies, under the one key ALL; the currencies' shelf does the writing.

    Who creates a currency puts the list, so that an act of the same batch misses none.
    """

    order: ClassVar[int] = 50
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read all codes."""
        return Statement(READ_ALL_CODES, ())

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, tuple[str, ...]]:
        """Return the codes."""
        return {ALL: tuple(row[0] for row in rows)}

    def saving(self, changed: Mapping[str, tuple[str, ...]]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


class SpentKey(NamedTuple):
    """A player, a currency, and since when."""

    player_id: str
    currency: str
    since: datetime


class SpentSince:
    """What a player spent since a time; read only."""

    order: ClassVar[int] = 52
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[SpentKey]) -> Statement:
        """Read the sums."""
        return Statement(READ_SPENT, tuple(zip(*keys, strict=True)))

    def read(self, keys: Sequence[SpentKey], rows: Rows) -> Mapping[SpentKey, int]:
        """Return the sums by key: there is a row for each, in their order."""
        return {key: row[2] for key, row in zip(keys, rows, strict=True)}

    def saving(self, changed: Mapping[SpentKey, int]) -> Sequence[Statement]:
        """Do nothing: later acts of the batch saw the change, and the transfers hold it."""
        return ()


LIMITS = Limits()
CURRENCIES = Currencies()
CODES = Codes()
SPENT_SINCE = SpentSince()


def wallet_needs(key: PurseKey) -> list[Need]:
    """Return what must be loaded before a wallet is used: its rules, and its accounts.

    They are always asked for together, so that who finds the limit loaded finds the rest too.
    """
    player_id, currency = key
    return [(CURRENCIES, currency), (LIMITS, key), *holding_needs(player_id, currency)]


def purse_of(stage: Stage, key: PurseKey) -> Purse | None:
    """Return the rules of a wallet, None for an unknown currency or what is not loaded yet."""
    limits = stage.rows(LIMITS)
    if key not in limits:
        return None
    currency = stage.get(CURRENCIES, key[1])
    return None if currency is None else Purse(currency, limits[key])


async def currency_codes(driver: Driver, after: str, limit: int) -> list[str]:
    """Return codes of currencies greater than `after`, in order."""
    return [row[0] for row in await driver.fetch(READ_CODES, after, limit)]


async def due_holds(driver: Driver, limit: int) -> list[tuple[int, datetime]]:
    """Return open holds whose time is over, the longest over first."""
    return [(row[0], row[1]) for row in await driver.fetch(READ_DUE_HOLDS, limit)]
