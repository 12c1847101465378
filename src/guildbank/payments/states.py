"""SQL of the versions of their providers' state in which attempts were begun."""

from collections.abc import Sequence

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


async def states_of(driver: Driver, provider: str, payment_id: str) -> list[int]:
    """Return the versions of the provider's state in which attempts at a payment were begun."""
    return [row[0] for row in await driver.fetch(READ_STATES, payment_id, provider)]


async def unread_states(
    driver: Driver, provider: str, read: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the other versions of state of what may still move, each with how many there are."""
    return [(row[0], row[1]) for row in await driver.fetch(UNREAD, provider, read)]
