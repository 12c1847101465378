"""SQL of what the books have and no report of its provider has, though it should."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from guildbank.journal import Driver
from guildbank.payments.contracts.rows import Attempt, Dispute, Refund
from guildbank.payments.reports import Span
from guildbank.payments.store import ATTEMPTS, DISPUTES, REFUNDS


class Sought(NamedTuple):
    """Of which provider and time something should have been reported; `after` is the last id seen.

    With `reconciled` only what some run of its own time should have had.
    """

    provider: str
    span: Span
    after: str
    limit: int
    reconciled: bool

    @property
    def values(self) -> tuple[str, datetime, datetime, str, int, bool]:
        """The first six values of each statement here."""
        return self.provider, *self.span, self.after, self.limit, self.reconciled


def _sought(table: str, moment: str) -> str:
    """Return the conditions on when it was, which all share.

    Of days that were reconciled by themselves something counts only where its own day was.
    """
    return f"""
WHERE provider = $1
  AND {moment} >= $2
  AND {moment} < $3
  AND id > $4
  AND (NOT $6 OR EXISTS (
      SELECT
      FROM payments_reconciliation AS run
      WHERE run.provider = {table}.provider
        AND run.state = 'done'
        AND run.since <= {table}.{moment}
        AND run.until > {table}.{moment}
  ))"""  # noqa: S608 - names of our own


_IN_ORDER = """
ORDER BY id
LIMIT $5
"""

READ_ATTEMPTS = f"""
{ATTEMPTS.select}
{_sought("payments_attempt", "created_at")}
  AND captured_minor > 0
  AND NOT EXISTS (
      SELECT
      FROM payments_settlement AS line
      WHERE line.attempt_id = payments_attempt.id
        AND line.kind = 'capture'
        AND line.state <> 'missing_there'
  )
{_IN_ORDER}
"""  # noqa: S608 - names of our own

# Nothing changes a refund after it succeeded, but that it fails after all.
READ_REFUNDS = f"""
{REFUNDS.select}
{_sought("payments_refund", "changed_at")}
  AND state = 'succeeded'
  AND NOT EXISTS (
      SELECT
      FROM payments_settlement AS line
      WHERE line.attempt_id = payments_refund.attempt_id
        AND line.kind = 'refund'
        AND line.state <> 'missing_there'
        AND (line.refund_id = payments_refund.id OR line.reference = payments_refund.reference)
  )
{_IN_ORDER}
"""  # noqa: S608 - names of our own

# A line is about a dispute by the rules by which lines are matched: under its name, under the one
# that its company knows for several, or by what it took. Where disputes of one payment have no
# names there and took the same, each line is that of one of them.
_LINES_OF_DISPUTE = """
      FROM payments_settlement AS line
      WHERE line.attempt_id = payments_dispute.attempt_id
        AND line.kind = 'dispute'
        AND line.state <> 'missing_there'
        AND (line.gross_minor < 0) = $7
"""
_DISPUTES_BY = f"""
  AND NOT EXISTS (
      SELECT
      {_LINES_OF_DISPUTE}
        AND (line.reference = payments_dispute.reference
             OR starts_with(payments_dispute.reference, line.reference || ':'))
  )
  AND (
      SELECT count(DISTINCT line.transaction)
      {_LINES_OF_DISPUTE}
        AND line.reference IS NULL
        AND abs(coalesce(line.ours_minor, line.gross_minor)) = payments_dispute.amount_minor
  ) < (
      SELECT count(*)
      FROM payments_dispute AS alike
      WHERE alike.attempt_id = payments_dispute.attempt_id
        AND alike.amount_minor = payments_dispute.amount_minor
        AND alike.id <= payments_dispute.id
        AND CASE WHEN $7::boolean THEN alike.withdrawn ELSE alike.reinstated END
  )
{_IN_ORDER}
"""  # noqa: S608 - names of our own

# Of a report that has no line of money that came back, what came back may be gone altogether.
READ_WITHDRAWN = f"""
{DISPUTES.select}
{_sought("payments_dispute", "withdrawn_at")}
  AND ($8 OR NOT reinstated)
{_DISPUTES_BY}
"""

READ_REINSTATED = f"""
{DISPUTES.select}
{_sought("payments_dispute", "reinstated_at")}
{_DISPUTES_BY}
"""


async def absent_attempts(driver: Driver, sought: Sought) -> list[Attempt]:
    """Return captured attempts that no report has, by when they began, in order of id."""
    rows = await driver.fetch(READ_ATTEMPTS, *sought.values)
    return [ATTEMPTS.row(row) for row in rows]


async def absent_refunds(driver: Driver, sought: Sought) -> list[Refund]:
    """Return refunds that no report has, by when they succeeded, in order of id."""
    rows = await driver.fetch(READ_REFUNDS, *sought.values)
    return [REFUNDS.row(row) for row in rows]


async def absent_withdrawals(driver: Driver, sought: Sought, *, back: bool) -> list[Dispute]:
    """Return disputes whose money went and no report says so, in order of id.

    `back` says that its reports have lines of money that came back; without, those are left out
    whose money is here again.
    """
    rows = await driver.fetch(READ_WITHDRAWN, *sought.values, True, back)
    return [DISPUTES.row(row) for row in rows]


async def absent_reinstatements(driver: Driver, sought: Sought) -> list[Dispute]:
    """Return disputes whose money came back and no report says so, in order of id."""
    rows = await driver.fetch(READ_REINSTATED, *sought.values, False)
    return [DISPUTES.row(row) for row in rows]


READ_KINDS = """
SELECT DISTINCT CASE WHEN kind = 'dispute' AND gross_minor > 0 THEN 'dispute_back' ELSE kind END
FROM payments_settlement
WHERE reconciliation_id = $1
  AND state <> 'missing_there'
"""


async def kinds_in(driver: Driver, run_id: str) -> Sequence[str]:
    """Return of what a run's report has lines, as `report_lines` of a manifest does."""
    return [row[0] for row in await driver.fetch(READ_KINDS, run_id)]
