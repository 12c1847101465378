"""SQL of payouts: their shelves for acts, plain reads, and what providers are to be asked about."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec

from guildbank.journal import Driver, Statement, fetch_rows
from guildbank.journal import Rows as JournalRows
from guildbank.payments import tables
from guildbank.payments.contracts.payouts import Payout, PayoutTerms, StoredDestination
from guildbank.payments.contracts.rows import PAYMENTS_ORDER
from guildbank.payments.saved import OfPlayer
from guildbank.payments.store import References, Rows

READ_TERMS = """
SELECT currency, terms
FROM payments_payout_terms
WHERE currency = ANY($1::text[])
"""

READ_ALL_TERMS = """
SELECT currency, terms
FROM payments_payout_terms
ORDER BY currency
"""

SAVE_TERMS = """
INSERT INTO payments_payout_terms (currency, terms)
SELECT *
FROM unnest($1::text[], $2::text[])
ON CONFLICT (currency) DO UPDATE
SET terms = excluded.terms
"""

PAGE = """
WHERE ($1::text IS NULL OR player_id = $1)
  AND ($2::text IS NULL OR state = $2)
  AND ($3::text IS NULL OR provider = $3)
  AND ($4::text IS NULL OR id < $4)
ORDER BY id DESC
LIMIT $5
"""

# What is to be sent waits for nobody; the others are looked at when they are due.
# In which tenants a job has to look. Also at those that are paid: a bank may return one.
WAITS = """
SELECT
FROM payments_payout
WHERE state IN ('requested', 'sending', 'pending', 'unknown')
UNION ALL
SELECT
FROM payments_payout
WHERE state = 'paid'
"""

TO_ASK = """
LEFT JOIN payments_look AS look USING (id)
WHERE state IN ('requested', 'sending', 'pending', 'unknown')
  AND CASE WHEN look.id IS NOT NULL THEN look.next_at <= $1
           WHEN state = 'pending' THEN changed_at <= $3
           ELSE changed_at <= $2 END
ORDER BY changed_at
LIMIT $4
"""

# Money that was paid comes back within some days, if it does.
PAID_OF_LATE = """
LEFT JOIN (SELECT id AS subject, next_at FROM payments_look) AS look
  ON look.subject = payments_payout.id || ':paid'
WHERE state = 'paid'
  AND paid_at > $2
  AND coalesce(look.next_at, paid_at + INTERVAL '1 hour') <= $1
ORDER BY paid_at
LIMIT $3
"""

# What was paid long enough before a report's end, and no report of the provider has. As for
# captures, those of reconciled days count only where the payout's own day was one.
ABSENT = """
WHERE provider = $1
  AND paid_at >= $2
  AND paid_at < $3
  AND id > $4
  AND NOT EXISTS (
      SELECT
      FROM payments_settlement AS line
      WHERE line.payout = payments_payout.id
        AND line.kind = 'player_payout'
        AND line.state <> 'missing_there'
  )
  AND (NOT $6 OR EXISTS (
      SELECT
      FROM payments_reconciliation AS run
      WHERE run.provider = payments_payout.provider
        AND run.state = 'done'
        AND run.since <= payments_payout.paid_at
        AND run.until > payments_payout.paid_at
  ))
ORDER BY id
LIMIT $5
"""

_TERMS = msgspec.json.Decoder(PayoutTerms)


class Terms:
    """Terms by currency."""

    order: ClassVar[int] = PAYMENTS_ORDER + 12
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that were ever set."""
        return Statement(READ_TERMS, (keys,))

    def read(self, keys: Sequence[str], rows: JournalRows) -> Mapping[str, PayoutTerms]:
        """Return the terms by currency."""
        return {row[0]: _TERMS.decode(row[1]) for row in rows}

    def saving(self, changed: Mapping[str, PayoutTerms]) -> Sequence[Statement]:
        """Write the terms."""
        rows = [(one.currency, msgspec.json.encode(one).decode()) for one in changed.values()]
        return [Statement(SAVE_TERMS, tuple(zip(*rows, strict=True)))]


class Destinations(Rows[StoredDestination]):
    """Destinations by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 13


class Payouts(Rows[Payout]):
    """Payouts by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 14


TERMS = Terms()
DESTINATIONS = Destinations(tables.payout_destination, StoredDestination)
PAYOUTS = Payouts(tables.payout, Payout)
DESTINATIONS_OF = OfPlayer(DESTINATIONS, ("open",))
OPEN_PAYOUTS_OF = OfPlayer(PAYOUTS, ("waiting", "requested", "sending", "pending", "unknown"))
PAYOUT_REFERENCES = References(PAYOUTS)


class PayoutFilter(NamedTuple):
    """Which payouts are listed."""

    player_id: str | None = None
    state: str | None = None
    provider: str | None = None


async def all_terms(driver: Driver) -> list[PayoutTerms]:
    """Return the terms of all currencies that have some."""
    return [_TERMS.decode(row[1]) for row in await driver.fetch(READ_ALL_TERMS)]


async def terms_of(driver: Driver, currency: str) -> PayoutTerms | None:
    """Return a currency's terms."""
    return (await fetch_rows(driver, TERMS, [currency])).get(currency)


async def destination_by_id(driver: Driver, id_: str) -> StoredDestination | None:
    """Return a destination, or one that was."""
    return (await fetch_rows(driver, DESTINATIONS, [id_])).get(id_)


async def destinations_of(driver: Driver, player_id: str) -> Sequence[StoredDestination]:
    """Return where a player can be paid, the oldest first."""
    rows: Mapping[str, tuple[Any, ...]] = await fetch_rows(driver, DESTINATIONS_OF, [player_id])
    return rows[player_id]


async def payout_by_id(driver: Driver, id_: str) -> Payout | None:
    """Return a payout."""
    return (await fetch_rows(driver, PAYOUTS, [id_])).get(id_)


async def payout_by_reference(driver: Driver, provider: str, reference: str) -> Payout | None:
    """Return the payout that the provider calls so."""
    record = await driver.fetchrow(
        f"{PAYOUTS.select} WHERE provider = $1 AND reference = $2", provider, reference
    )
    return None if record is None else PAYOUTS.row(record)


async def payout_page(
    driver: Driver, wanted: PayoutFilter, before: str | None, limit: int
) -> list[Payout]:
    """Return payouts, the newest first."""
    records = await driver.fetch(f"{PAYOUTS.select} {PAGE}", *wanted, before, limit)
    return [PAYOUTS.row(record) for record in records]


async def payouts_to_ask(
    driver: Driver, now: datetime, unknown: datetime, pending: datetime, limit: int
) -> list[Payout]:
    """Return payouts to send or to look at again: by their next look, or since they changed."""
    records = await driver.fetch(f"{PAYOUTS.select} {TO_ASK}", now, unknown, pending, limit)
    return [PAYOUTS.row(record) for record in records]


async def paid_of_late(driver: Driver, now: datetime, since: datetime, limit: int) -> list[Payout]:
    """Return paid payouts whose provider is asked whether the money came back."""
    records = await driver.fetch(f"{PAYOUTS.select} {PAID_OF_LATE}", now, since, limit)
    return [PAYOUTS.row(record) for record in records]


async def absent_payouts(
    driver: Driver,
    provider: str,
    span: tuple[datetime, datetime],
    after: str,
    limit: int,
    *,
    reconciled: bool,
) -> list[Payout]:
    """Return paid payouts that no report of the provider has, in order of id.

    With `reconciled` only those that some run should have had.
    """
    since, before = span
    records = await driver.fetch(
        f"{PAYOUTS.select} {ABSENT}", provider, since, before, after, limit, reconciled
    )
    return [PAYOUTS.row(record) for record in records]
