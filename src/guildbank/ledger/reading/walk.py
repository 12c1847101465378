"""Transfers of some accounts from the newest back, a page at a time, along the offset indexes."""

from collections.abc import Sequence
from typing import NamedTuple

from guildbank.journal import Driver

# Offsets grow with seq, so each account's two axes are walked backwards and merged. Holes lie
# anywhere on the axis: all of an account's are looked at, one for each claw-back.
READ_ROWS = """
SELECT found.account, found.seq, found.leg, found.other, found.amount, found.after, found.start,
       found.axis, other.owner, other.asset, other.bucket
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS asked (account, credited, spent)
CROSS JOIN LATERAL (
    (
        SELECT asked.account, seq, leg, debit AS other, amount, credit_after AS after,
               credit_offset AS start, 'credit' AS axis
        FROM ledger_transfer
        WHERE credit = asked.account
          AND credit_offset < asked.credited
        ORDER BY credit_offset DESC
        LIMIT $7
    )
    UNION ALL
    (
        SELECT asked.account, seq, leg, credit, -amount, debit_after, debit_offset, 'debit'
        FROM ledger_transfer
        WHERE debit = asked.account
          AND debit_offset IS NOT NULL
          AND debit_offset < asked.spent
        ORDER BY debit_offset DESC
        LIMIT $7
    )
    UNION ALL
    (
        SELECT asked.account, seq, leg, credit, -amount, debit_after, lot_offset, 'hole'
        FROM (
            SELECT seq, leg, credit, amount, debit_after, lot_offset
            FROM ledger_transfer
            WHERE debit = asked.account
              AND lot_offset IS NOT NULL
            OFFSET 0
        ) AS hole
        WHERE (seq, leg, asked.account) < ($4::bigint, $5::bigint, $6::bigint)
        ORDER BY seq DESC, leg DESC
        LIMIT $7
    )
) AS found
JOIN ledger_account AS other ON other.id = found.other
ORDER BY found.seq DESC, found.leg DESC, found.account DESC
LIMIT $7
"""


class Row(NamedTuple):
    """A transfer seen from one of its accounts: `amount` is negative when it left."""

    account: int
    seq: int
    leg: int
    other: int
    amount: int
    after: int
    start: int
    axis: str
    other_owner: str
    other_asset: str
    other_bucket: str


class Place(NamedTuple):
    """Where a walk stands in one account: C, S and balance before all rows yet to come."""

    account: int
    credited: int
    spent: int
    balance: int


async def read_rows(
    driver: Driver, places: Sequence[Place], before: tuple[int, int, int], limit: int
) -> list[Row]:
    """Return the newest rows below the places; `before` is (seq, leg, account) of the last row."""
    rows = await driver.fetch(
        READ_ROWS,
        [place.account for place in places],
        [place.credited for place in places],
        [place.spent for place in places],
        *before,
        limit,
    )
    return [Row(*row) for row in rows]
