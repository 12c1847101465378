"""SQL of payments that wait for their player, and of what was asked about them since."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from guildbank.journal import Driver
from guildbank.payments.contracts.rows import Attempt
from guildbank.payments.store import ATTEMPTS
from guildbank.pipelines import Runs

# In which tenants a job has to look: it finds a row wherever the statement below finds any.
WAITS = """
SELECT
FROM payments_attempt
WHERE state = 'pending'
"""

# Where nothing was published since a payment began, its revision is what runs, and one comparison
# passes it over. One that was asked before is found again only once something else runs.
UNASKED = """
WHERE state = 'pending'
  AND EXISTS (
      SELECT
      FROM payments_intent AS intent
      JOIN unnest($1::text[], $2::integer[], $3::boolean[], $4::text[])
        AS running (purpose, published, has_canary, mark) USING (purpose)
      LEFT JOIN payments_binding AS binding ON binding.id = intent.id
      WHERE intent.id = payments_attempt.payment_id
        AND intent.attempt_id = payments_attempt.id
        AND intent.state IN ('requires_action', 'processing', 'authorized')
        AND CASE
                WHEN binding.runs IS NULL
                THEN running.has_canary OR intent.revision <> running.published
                ELSE binding.runs <> running.mark
            END
        AND coalesce(binding.next_at <= $5, TRUE)
  )
ORDER BY changed_at
LIMIT $6
"""

# Leases the asking: whoever gets the row asks, all others leave the payment alone.
LEASE = """
INSERT INTO payments_binding AS binding (id, passed, tries, next_at)
VALUES ($1, '{}', 1, $3)
ON CONFLICT (id) DO UPDATE
SET tries = binding.tries + 1, next_at = $3
WHERE binding.next_at <= $2
RETURNING tries, passed
"""

PUT_OFF = """
UPDATE payments_binding
SET next_at = $2
WHERE id = $1
"""

PASSED = """
UPDATE payments_binding
SET runs = $2, passed = CASE WHEN $3 = ANY(passed) THEN passed ELSE passed || $3::integer END,
    tries = 0, next_at = $4
WHERE id = $1
"""


class Leased(NamedTuple):
    """How often it was tried, this time included, and which revisions' checks let it pass."""

    tries: int
    passed: Sequence[int]


async def unasked_attempts(
    driver: Driver, running: Sequence[Runs], now: datetime, limit: int
) -> list[Attempt]:
    """Return attempts that wait without money while something runs that they were not asked of."""
    if not running:
        return []
    records = await driver.fetch(
        f"{ATTEMPTS.select} {UNASKED}",
        [one.purpose for one in running],
        [one.published for one in running],
        [one.has_canary for one in running],
        [one.mark for one in running],
        now,
        limit,
    )
    return [ATTEMPTS.row(record) for record in records]


async def lease_asking(
    driver: Driver, payment_id: str, now: datetime, until: datetime
) -> Leased | None:
    """Return what is known of the payment, or None where somebody asks or it is not time."""
    row = await driver.fetchrow(LEASE, payment_id, now, until)
    return None if row is None else Leased(row["tries"], row["passed"])


async def put_off(driver: Driver, payment_id: str, at: datetime) -> None:
    """Set when it is tried again."""
    await driver.execute(PUT_OFF, payment_id, at)


async def note_passed(
    driver: Driver, payment_id: str, runs: Runs, number: int, now: datetime
) -> None:
    """Keep that a revision's checks let it pass: nobody asks until something else runs."""
    await driver.execute(PASSED, payment_id, runs.mark, number, now)
