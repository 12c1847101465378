"""SQL of payments, attempts and refunds whose time has come, and of the looks at them."""

from datetime import datetime

from guildbank.journal import Driver
from guildbank.payments.contracts.rows import Attempt, Intent, Refund
from guildbank.payments.store import ATTEMPTS, INTENTS, REFUNDS

# Whatever the janitor may look at: it finds a row wherever the statements below find any.
LOOKS = """
SELECT
FROM payments_attempt
WHERE state IN ('created', 'pending', 'unknown')
UNION ALL
SELECT
FROM payments_attempt
WHERE applied = 'unapplied'
  AND captured_minor > refunding_minor + refunded_minor + disputed_minor
UNION ALL
SELECT
FROM payments_attempt
WHERE finish = 'due'
UNION ALL
SELECT
FROM payments_refund
WHERE state IN ('created', 'pending', 'unknown')
UNION ALL
SELECT
FROM payments_dispute
WHERE evidence_state IN ('sending', 'unknown')
"""


OF_EXPIRY = ":expiry"
"""Follows the id of a payment where it is looked at to be ended."""

# Those whose providers could not confirm it wait for their next look, and bar nobody else.
DUE_INTENTS = f"""
{INTENTS.select}
WHERE expires_at <= $1
  AND state NOT IN ('credited', 'failed', 'canceled', 'expired', 'conflicted', 'captured')
  AND NOT EXISTS (
      SELECT
      FROM payments_look AS look
      WHERE look.id = payments_intent.id || '{OF_EXPIRY}'
        AND look.next_at > $1
  )
ORDER BY expires_at
LIMIT $2
"""  # noqa: S608 - names and conditions of our own


async def due_intents(driver: Driver, now: datetime, limit: int) -> list[Intent]:
    """Return payments whose time is over, that have not ended, and that are to be looked at."""
    records = await driver.fetch(
        DUE_INTENTS,
        now,
        limit,
    )
    return [INTENTS.row(record) for record in records]


async def unapplied_attempts(driver: Driver, limit: int) -> list[Attempt]:
    """Return attempts with unapplied money that no refund is giving back or failed to."""
    records = await driver.fetch(
        f"{ATTEMPTS.select} WHERE applied = 'unapplied' "
        "AND captured_minor > refunding_minor + refunded_minor + disputed_minor "
        "AND NOT EXISTS (SELECT FROM payments_refund WHERE attempt_id = payments_attempt.id) "
        "ORDER BY changed_at LIMIT $1",
        limit,
    )
    return [ATTEMPTS.row(record) for record in records]


# An alarm is of money that nobody gave back, whether or not a refund was tried.
READ_OLDEST_UNAPPLIED = f"""
{ATTEMPTS.select}
WHERE applied = 'unapplied'
  AND captured_minor > refunded_minor + disputed_minor
ORDER BY created_at
LIMIT 1
"""


async def oldest_unapplied(driver: Driver) -> Attempt | None:
    """Return the oldest attempt whose money bought nothing and is not back."""
    record = await driver.fetchrow(READ_OLDEST_UNAPPLIED)
    return None if record is None else ATTEMPTS.row(record)


async def live_attempts(
    driver: Driver, now: datetime, unknown: datetime, pending: datetime, limit: int
) -> list[Attempt]:
    """Return attempts to look at again: by their next look, or since they changed."""
    records = await driver.fetch(
        f"{ATTEMPTS.select} LEFT JOIN payments_look AS look USING (id) "
        "WHERE state IN ('created', 'pending', 'unknown') "
        "AND CASE WHEN look.id IS NOT NULL THEN look.next_at <= $1 "
        "WHEN state = 'pending' THEN changed_at <= $3 ELSE changed_at <= $2 END "
        "ORDER BY changed_at LIMIT $4",
        now,
        unknown,
        pending,
        limit,
    )
    return [ATTEMPTS.row(record) for record in records]


async def open_refunds(
    driver: Driver, now: datetime, unknown: datetime, pending: datetime, limit: int
) -> list[Refund]:
    """Return refunds to look at again: by their next look, or since they changed."""
    records = await driver.fetch(
        f"{REFUNDS.select} LEFT JOIN payments_look AS look USING (id) "
        "WHERE state IN ('created', 'pending', 'unknown') "
        "AND CASE WHEN look.id IS NOT NULL THEN look.next_at <= $1 "
        "WHEN state = 'pending' THEN changed_at <= $3 ELSE changed_at <= $2 END "
        "ORDER BY changed_at LIMIT $4",
        now,
        unknown,
        pending,
        limit,
    )
    return [REFUNDS.row(record) for record in records]


# Leases a look: whoever gets the row asks the provider, all others leave it alone. While it is
# leased, `looked_at` is the lease's end, so that nobody finds it idle; a nudge counts no look.
LEASE_LOOK = """
INSERT INTO payments_look (id, looks, looked_at, next_at)
VALUES ($1, $5, $3, $3)
ON CONFLICT (id) DO UPDATE
SET looks = payments_look.looks + $5, looked_at = $3, next_at = $3
WHERE payments_look.next_at <= $2
   OR payments_look.looked_at <= $4
RETURNING looks
"""

PLAN_LOOK = """
UPDATE payments_look
SET looked_at = $2, next_at = $3
WHERE id = $1
"""


async def lease_look(
    driver: Driver, id_: str, now: datetime, until: datetime, *, idle_since: datetime, count: int
) -> int | None:
    """Return how many looks were taken, or None when this one is not granted.

    A look is granted when it is due, or when the last one ended before `idle_since`.
    """
    number: int | None = await driver.fetchval(LEASE_LOOK, id_, now, until, idle_since, count)
    return number


async def plan_look(driver: Driver, id_: str, now: datetime, at: datetime) -> None:
    """End a look and set when the next one is due."""
    await driver.execute(PLAN_LOOK, id_, now, at)
