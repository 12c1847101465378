"""SQL of the versions of their providers' state in which attempts were begun."""

from collections.abc import Sequence
from datetime import datetime

from guildbank.journal import Driver

READ_STATES = """
SELECT DISTINCT state_version
FROM payments_attempt
WHERE payment_id = $1
  AND provider = $2
"""

# What may still be paid, refunded or disputed, by the state of its provider that it was begun in.
UNREAD = """
SELECT state_version, count(*)
FROM payments_attempt
WHERE provider = $1
  AND state_version <> ALL($2::integer[])
  AND (
      state IN ('created', 'pending', 'unknown')
      OR captured_minor > refunded_minor + disputed_minor
      OR refunding_minor > 0
      OR open_disputes > 0
  )
GROUP BY state_version
ORDER BY state_version
"""

# Payouts under way or lately paid, destinations of players, and customers and their methods, which
# are to be let go of one day. A method's state is that of the payment which left it.
UNREAD_BESIDES = """
SELECT what, state_version, count(*)
FROM (
    SELECT 'payouts that are under way or may come back' AS what, state_version
    FROM payments_payout
    WHERE provider = $1
      AND (state IN ('waiting', 'requested', 'sending', 'pending', 'unknown')
           OR (state = 'paid' AND paid_at > $3))
    UNION ALL
    SELECT 'destinations of payouts', state_version
    FROM payments_payout_destination
    WHERE provider = $1
      AND state = 'open'
    UNION ALL
    SELECT 'players who are customers', state_version
    FROM payments_customer
    WHERE provider = $1
      AND state <> 'forgotten'
    UNION ALL
    SELECT 'methods that are kept', state_version
    FROM (
        SELECT DISTINCT method.id, attempt.state_version
        FROM payments_method AS method
        JOIN payments_attempt AS attempt
          ON attempt.payment_id = method.payment_id AND attempt.provider = method.provider
        WHERE method.provider = $1
          AND method.state <> 'removed'
    ) AS kept
) AS left_behind
WHERE state_version <> ALL($2::integer[])
GROUP BY what, state_version
ORDER BY what, state_version
"""


async def states_of(driver: Driver, provider: str, payment_id: str) -> list[int]:
    """Return the versions of the provider's state in which attempts at a payment were begun."""
    return [row[0] for row in await driver.fetch(READ_STATES, payment_id, provider)]


async def unread_states(
    driver: Driver, provider: str, read: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the other versions of state of what may still move, each with how many there are."""
    return [(row[0], row[1]) for row in await driver.fetch(UNREAD, provider, read)]


async def unread_besides(
    driver: Driver, provider: str, read: Sequence[int], paid_since: datetime
) -> list[tuple[str, int, int]]:
    """Return the other versions of state of all else, each with what it is and how many."""
    rows = await driver.fetch(UNREAD_BESIDES, provider, read, paid_since)
    return [(row[0], row[1], row[2]) for row in rows]
