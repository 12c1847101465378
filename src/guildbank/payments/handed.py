"""SQL of what buyers handed in for an operator to look at."""

from datetime import datetime
from typing import NamedTuple

from guildbank.journal import Driver

# The first one stays: an operator may be looking at it.
ADD = """
INSERT INTO payments_handed_in (attempt_id, payment_id, at, sealed)
VALUES ($1, $2, $3, $4)
ON CONFLICT (attempt_id) DO NOTHING
"""

READ = """
SELECT attempt_id, at, sealed
FROM payments_handed_in
WHERE attempt_id = $1
"""

# What was decided on needs nobody to look at it, and may still be worth something elsewhere.
FORGET = """
DELETE FROM payments_handed_in
WHERE attempt_id IN (
    SELECT handed.attempt_id
    FROM payments_handed_in AS handed
    JOIN payments_attempt AS attempt ON attempt.id = handed.attempt_id
    WHERE attempt.state NOT IN ('pending', 'unknown')
    LIMIT $1
)
"""


class HandedIn(NamedTuple):
    """What was handed in for an attempt, sealed under the key of the payment's player."""

    attempt_id: str
    at: datetime
    sealed: bytes


async def add(
    driver: Driver, payment_id: str, attempt_id: str, at: datetime, sealed: bytes
) -> HandedIn:
    """Keep what is handed in, unless something was before; return what is kept."""
    await driver.execute(ADD, attempt_id, payment_id, at, sealed)
    return HandedIn(*await driver.fetchrow(READ, attempt_id))


async def handed_in(driver: Driver, attempt_id: str) -> HandedIn | None:
    """Return what is kept for an attempt."""
    row = await driver.fetchrow(READ, attempt_id)
    return None if row is None else HandedIn(*row)


async def forget(driver: Driver, limit: int) -> int:
    """Delete some of what was decided on, and return how many."""
    status: str = await driver.execute(FORGET, limit)
    return int(status.rpartition(" ")[2])
