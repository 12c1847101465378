"""Which entries spent the coins of some lots: from a purchase to what its coins were paid for."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from guildbank.journal import Driver, fetch_rows
from guildbank.ledger.claws import spent_places
from guildbank.ledger.contracts import LotRef
from guildbank.ledger.rules import lot_parts
from guildbank.ledger.store import LOTS, SPREADS

MAX_SPENDS = 200
"""Entries that are named; those before them are not."""

READ_SPENT = """
SELECT id, spent
FROM ledger_account
WHERE owner = $1
  AND asset = $2
  AND bucket = $3
"""

# A place begins within the debit of the greatest offset up to it, so the index on (debit,
# debit_offset) finds the first debit of each place at once.
READ_DEBITS = """
SELECT taken.seq, entry.written_at, entry.kind,
       sum(least(taken.debit_offset + taken.amount, place.until)
           - greatest(taken.debit_offset, place.since))::bigint
FROM unnest($2::bigint[], $3::bigint[]) AS place (since, until)
JOIN ledger_transfer AS taken
  ON taken.debit = $1
 AND taken.debit_offset >= (
     SELECT max(first.debit_offset)
     FROM ledger_transfer AS first
     WHERE first.debit = $1
       AND first.debit_offset <= place.since
 )
 AND taken.debit_offset < place.until
JOIN journal_v_entry AS entry ON entry.seq = taken.seq
GROUP BY taken.seq, entry.written_at, entry.kind
ORDER BY taken.seq DESC
LIMIT $4
"""


class SpentPart(NamedTuple):
    """An entry that spent coins of the lots in question, and how many of those are not back."""

    seq: int
    at: datetime
    kind: str
    coins: int


async def spends_of(driver: Driver, lots: Sequence[LotRef]) -> list[SpentPart]:
    """Return the entries that took coins of these lots, the newest first, MAX_SPENDS at most.

    Transfers and expiries take coins as spends do; `kind` tells them apart.
    """
    found: dict[int, SpentPart] = {}
    known = await fetch_rows(driver, LOTS, lots)
    spreads = await fetch_rows(driver, SPREADS, [lot.address for lot in known.values()])
    for lot in known.values():
        row = await driver.fetchrow(READ_SPENT, *lot.address)
        spread = spreads[lot.address]
        places = spent_places(lot_parts(lot, spread), row["spent"], spread)
        since, until = [one.start for one in places], [one.end for one in places]
        for debit in await driver.fetch(READ_DEBITS, row["id"], since, until, MAX_SPENDS):
            one = SpentPart(*debit)
            before = found.get(one.seq)
            found[one.seq] = one if before is None else one._replace(coins=one.coins + before.coins)
    return sorted(found.values(), key=lambda one: -one.seq)[:MAX_SPENDS]
