"""SQL of the proof: totals recomputed from transfers, account by account in order of id."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from guildbank.journal import Driver

PAGE_ROWS = 50_000

# A proof is of one snapshot, whatever its size: only this transaction may take that long.
TAKE_TIME = """
SELECT set_config(name, CASE name WHEN 'statement_timeout' THEN '600s' ELSE '0' END, TRUE)
FROM pg_settings
WHERE name IN ('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')
"""

_PAGE = """
WITH page AS MATERIALIZED (
    SELECT {account} AS account, {offset} AS start, amount
    FROM ledger_transfer
    WHERE ({account}, {offset}) > ($1::bigint, $2::bigint)
      AND {offset} IS NOT NULL
    ORDER BY {account}, {offset}
    LIMIT $3
)
SELECT account, min(start), max(start), max(start + amount), sum(amount)::bigint,
       min(start) FILTER (WHERE start > before), min(start) FILTER (WHERE start < before),
       count(*)
FROM (
    SELECT account, start, amount,
           lag(start + amount) OVER (PARTITION BY account ORDER BY start) AS before
    FROM page
) AS row
GROUP BY account
ORDER BY account
"""

CREDITS = _PAGE.format(account="credit", offset="credit_offset")
DEBITS = _PAGE.format(account="debit", offset="debit_offset")
HOLES = _PAGE.format(account="debit", offset="lot_offset")

READ_LAST_AFTER = """
SELECT account, (array_agg(after ORDER BY seq DESC, leg DESC))[1]
FROM unnest($1::bigint[]) AS asked (account)
CROSS JOIN LATERAL (
    (
        SELECT seq, leg, credit_after AS after
        FROM ledger_transfer
        WHERE credit = asked.account
        ORDER BY credit_offset DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT seq, leg, debit_after
        FROM ledger_transfer
        WHERE debit = asked.account
          AND debit_offset IS NOT NULL
        ORDER BY debit_offset DESC
        LIMIT 1
    )
    UNION ALL
    (
        SELECT seq, leg, debit_after
        FROM ledger_transfer
        WHERE debit = asked.account
          AND lot_offset IS NOT NULL
    )
) AS last
GROUP BY account
"""

READ_WRONG_HOLDS = """
SELECT coalesce(account.owner, placed.owner), coalesce(account.asset, placed.asset),
       coalesce(account.bucket, placed.bucket), coalesce(account.held, 0),
       coalesce(placed.held, 0)
FROM (
    SELECT owner, asset, bucket, held
    FROM ledger_account
    WHERE held <> 0
) AS account
FULL JOIN (
    SELECT hold.owner, hold.asset, line.value ->> 0 AS bucket,
           sum((line.value ->> 1)::bigint)::bigint AS held
    FROM ledger_hold AS hold
    CROSS JOIN LATERAL jsonb_array_elements(hold.lines::jsonb) AS line (value)
    WHERE hold.state = 'open'
    GROUP BY hold.owner, hold.asset, line.value ->> 0
) AS placed
  ON placed.owner = account.owner
 AND placed.asset = account.asset
 AND placed.bucket = account.bucket
WHERE coalesce(account.held, 0) <> coalesce(placed.held, 0)
ORDER BY 1, 2, 3
LIMIT $1
"""

# What went to and from providers, by the kind of entry that says why.
READ_FLOWS = """
SELECT flow.asset, entry.kind, sum(flow.gone)::bigint, sum(flow.come)::bigint
FROM (
    SELECT account.asset, transfer.seq, transfer.amount AS gone, 0 AS come
    FROM ledger_account AS account
    JOIN ledger_transfer AS transfer ON transfer.debit = account.id
    WHERE account.owner = 'house'
      AND account.bucket LIKE 'provider:%'
      AND transfer.debit_offset IS NOT NULL
    UNION ALL
    SELECT account.asset, transfer.seq, 0, transfer.amount
    FROM ledger_account AS account
    JOIN ledger_transfer AS transfer ON transfer.credit = account.id
    WHERE account.owner = 'house'
      AND account.bucket LIKE 'provider:%'
) AS flow
JOIN journal_v_entry AS entry ON entry.seq = flow.seq
GROUP BY flow.asset, entry.kind
"""

READ_ASSETS = """
SELECT code, kind, scale
FROM ledger_asset
ORDER BY code
"""

READ_PAID_ACCOUNTS = """
SELECT id, owner, asset, spent
FROM ledger_account
WHERE bucket = 'paid'
  AND owner <> 'house'
  AND id > $1
ORDER BY id
LIMIT $2
"""

READ_BACKED = """
SELECT transfer.seq, transfer.credit_offset
FROM ledger_account AS account
JOIN ledger_transfer AS transfer ON transfer.credit = account.id
WHERE account.owner = 'house'
  AND account.asset = $1
  AND account.bucket = 'backing'
  AND transfer.credit_offset < $2
ORDER BY transfer.credit_offset DESC
LIMIT $3
"""


class Tally(NamedTuple):
    """One axis of an account, recomputed: the sum, and places where intervals do not join.

    `gap` is where coins are missing before, `overlap` where an interval begins inside another.
    """

    account: int
    total: int
    gap: int | None
    overlap: int | None
    rows: int


async def take_time(driver: Driver) -> None:
    """Lift the time limits of this transaction, and of no other."""
    await driver.fetch(TAKE_TIME)


async def tallies(driver: Driver, page: str) -> AsyncIterator[Tally]:
    """Yield the tallies of one axis in order of account; one page is in memory at a time."""
    held: Tally | None = None
    end = 0
    place = (-(2**63), -(2**63))
    while rows := await driver.fetch(page, *place, PAGE_ROWS):
        for account, first, _, last, total, gap, overlap, count in rows:
            if held is None or held.account != account:
                if held is not None:
                    yield held
                held, end = Tally(account, 0, None, None, 0), 0
            held = held._replace(
                total=held.total + total,
                gap=_first(held.gap, first if first > end else None, gap),
                overlap=_first(held.overlap, first if first < end else None, overlap),
                rows=held.rows + count,
            )
            end = last
        place = (rows[-1][0], rows[-1][2])
    if held is not None:
        yield held


def _first(*places: int | None) -> int | None:
    return next((place for place in places if place is not None), None)


async def last_after(driver: Driver, accounts: Sequence[int]) -> dict[int, int]:
    """Return the balance that each account's last transfer states."""
    return {row[0]: row[1] for row in await driver.fetch(READ_LAST_AFTER, accounts)}
