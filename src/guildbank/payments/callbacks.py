"""SQL of callback steps as operators see them: disabled, enabled, and told once more."""

from datetime import datetime

import msgspec

from guildbank.journal import Driver

# The oldest entry that waits says how the step stands: all others wait for it.
READ_PAGE = """
SELECT callback.purpose, callback.step, callback.disabled_at,
       (
           SELECT count(*)
           FROM payments_telling AS waiting
           WHERE waiting.purpose = callback.purpose
             AND waiting.step = callback.step
             AND waiting.told_at IS NULL
       ) AS waiting,
       oldest.at, oldest.tries, oldest.next_at, oldest.problem,
       oldest.payment_id, oldest.sealed
FROM payments_callback AS callback
LEFT JOIN LATERAL (
    SELECT at, tries, next_at, problem, payment_id, sealed
    FROM payments_telling AS telling
    WHERE telling.purpose = callback.purpose
      AND telling.step = callback.step
      AND telling.told_at IS NULL
    ORDER BY seq
    LIMIT 1
) AS oldest ON TRUE
WHERE (callback.purpose, callback.step) > ($1, $2)
ORDER BY callback.purpose, callback.step
LIMIT $3
"""

# Processes of an earlier version keep what is to be told, and not to which steps.
DISABLE = """
INSERT INTO payments_callback (purpose, step, disabled_at)
VALUES ($1, $2, $3)
ON CONFLICT (purpose, step) DO UPDATE
SET disabled_at = excluded.disabled_at
WHERE payments_callback.disabled_at IS NULL
RETURNING step
"""

ENABLE = """
UPDATE payments_callback
SET disabled_at = NULL
WHERE purpose = $1
  AND step = $2
RETURNING step
"""

# What is tried anew may fail as often as anything else.
WAKE = """
UPDATE payments_telling
SET tries = 0, next_at = $3
WHERE purpose = $1
  AND step = $2
  AND told_at IS NULL
  AND tries > 0
"""

# What nobody was told keeps its problem. A part at a time, so that no row is locked for long.
GIVE_UP = """
UPDATE payments_telling
SET told_at = $3, problem = coalesce(problem, 'An operator gave up what waited.')
WHERE (purpose, step, seq) IN (
    SELECT purpose, step, seq
    FROM payments_telling
    WHERE purpose = $1
      AND step = $2
      AND told_at IS NULL
    ORDER BY seq
    LIMIT $4
)
"""

IS_DISABLED = """
SELECT disabled_at IS NOT NULL
FROM payments_callback
WHERE purpose = $1
  AND step = $2
"""

REPLAY = """
UPDATE payments_telling
SET told_at = NULL, answer = NULL, problem = NULL, sealed = NULL, tries = 0, next_at = $3
WHERE payment_id = $1
  AND step = $2
  AND told_at IS NOT NULL
"""


class CallbackRow(msgspec.Struct, frozen=True):
    """How a callback step stands. Where nothing waits, all that follows `waiting` is None."""

    purpose: str
    step: str
    disabled_at: datetime | None
    waiting: int
    oldest_at: datetime | None
    tries: int | None
    next_at: datetime | None
    problem: str | None
    payment_id: str | None
    sealed: bytes | None


async def page_of(driver: Driver, after: tuple[str, str], limit: int) -> list[CallbackRow]:
    """Return steps in the order of purpose and name, those after a place."""
    return [CallbackRow(*row) for row in await driver.fetch(READ_PAGE, *after, limit)]


async def disable(driver: Driver, purpose: str, step: str, now: datetime) -> bool:
    """Tell the step nothing any more; say whether that is new."""
    return await driver.fetchval(DISABLE, purpose, step, now) is not None


async def enable(driver: Driver, purpose: str, step: str, now: datetime) -> bool:
    """Tell the step again, at once; say whether there is such a step."""
    if await driver.fetchval(ENABLE, purpose, step) is None:
        return False
    await driver.execute(WAKE, purpose, step, now)
    return True


async def is_disabled(driver: Driver, purpose: str, step: str) -> bool | None:
    """Say whether the step is disabled, None where there is no such step."""
    disabled: bool | None = await driver.fetchval(IS_DISABLED, purpose, step)
    return disabled


async def give_up(driver: Driver, purpose: str, step: str, now: datetime, limit: int) -> int:
    """Tell nobody of the oldest events that wait; return how many those are."""
    done: str = await driver.execute(GIVE_UP, purpose, step, now, limit)
    return int(done.rpartition(" ")[2])


async def replay(driver: Driver, payment_id: str, step: str, now: datetime) -> int:
    """Let the step be told again of all that it was told of a payment; return how much that is."""
    done: str = await driver.execute(REPLAY, payment_id, step, now)
    return int(done.rpartition(" ")[2])
