"""What the provider reports of an account's money: captures, refunds, disputes, payouts, fees.

A fee is reckoned from what was captured, so nothing about it is stored.
"""

import sqlite3

import msgspec

from guildbank_sandbox.server.database import fetch_all

PAGE_LINES = 100
FEE_PER_MILLE = 29
FEE_FIXED_MINOR = 30

_READ = """
SELECT id, kind, reference, ours, payment, amount_minor, currency, at_ms
FROM (
    SELECT 'cap_' || id AS id, 'capture' AS kind, id AS reference, reference AS ours,
           id AS payment, captured_minor AS amount_minor, captured_currency AS currency,
           created_ms AS at_ms
    FROM payment
    WHERE account_id = :account
      AND captured_minor > 0
    UNION ALL
    SELECT 'ref_' || id, 'refund', id, reference, payment_id, -amount_minor, currency, created_ms
    FROM refund
    WHERE account_id = :account
      AND state = 'succeeded'
    UNION ALL
    SELECT 'dis_' || id, 'dispute', id, NULL, payment_id, -amount_minor, currency, created_ms
    FROM dispute
    WHERE account_id = :account
      AND withdrawn = 1
    UNION ALL
    SELECT 'out_' || id, 'player_payout', id, reference, NULL, -amount_minor, currency, paid_ms
    FROM payout
    WHERE account_id = :account
      AND paid_ms IS NOT NULL
    UNION ALL
    SELECT 'back_' || id, 'player_payout', id, reference, NULL, amount_minor, currency, returned_ms
    FROM payout
    WHERE account_id = :account
      AND returned_ms IS NOT NULL
)
WHERE at_ms >= :since_ms
  AND at_ms < :until_ms
  AND (at_ms, id) > (:after_ms, :after_id)
ORDER BY at_ms, id
LIMIT :most
"""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines: those of `since_ms` <= at < `until_ms` behind the place of `after`."""

    since_ms: int
    until_ms: int
    after: str = ""


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: str
    reference: str
    ours: str | None
    payment: str | None
    amount_minor: int
    currency: str
    at_ms: int


def fee_of(amount_minor: int) -> int:
    """Return what is kept of a capture: 2.9 % and 30 minor units, never more than all of it."""
    return min(amount_minor, amount_minor * FEE_PER_MILLE // 1_000 + FEE_FIXED_MINOR)


def report(tx: sqlite3.Connection, account_id: str, period: Period) -> dict[str, object]:
    """Return a page of lines in the order of time, and the place where the next one begins."""
    after_ms, _, after_id = period.after.partition(":")
    values = {
        "account": account_id,
        "since_ms": period.since_ms,
        "until_ms": period.until_ms,
        "after_ms": int(after_ms) if after_ms.isdecimal() else -1,
        "after_id": after_id,
        "most": PAGE_LINES + 1,
    }
    rows = fetch_all(tx, _Row, _READ, values)
    shown = rows[:PAGE_LINES]
    more = f"{shown[-1].at_ms}:{shown[-1].id}" if len(rows) > PAGE_LINES else None
    return {"items": [_line(row) for row in shown], "next": more}


def _line(row: _Row) -> dict[str, object]:
    fee = fee_of(row.amount_minor) if row.kind == "capture" else 0
    return {**msgspec.to_builtins(row), "fee_minor": fee}
