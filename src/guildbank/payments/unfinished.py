"""SQL of credited purchases whose store was not told yet."""

from datetime import UTC, datetime

import msgspec

from guildbank.journal import Driver
from guildbank.payments.agenda import lease_look, plan_look
from guildbank.payments.contracts.rows import Attempt, Finish
from guildbank.payments.store import ATTEMPTS

_NEVER = datetime(1, 1, 2, tzinfo=UTC)
# Tries are planned beside the looks at the attempt, under an id of their own.
TO_FINISH = f"""
{ATTEMPTS.select}
WHERE finish = 'due'
  AND NOT EXISTS (
      SELECT
      FROM payments_look AS look
      WHERE look.id = payments_attempt.id || ':finish'
        AND look.next_at > $1
  )
ORDER BY changed_at
LIMIT $2
"""  # noqa: S608 - names of our own


async def attempts_to_finish(driver: Driver, now: datetime, limit: int) -> list[Attempt]:
    """Return credited attempts whose store is to be told now."""
    return [ATTEMPTS.row(record) for record in await driver.fetch(TO_FINISH, now, limit)]


async def lease_finish(
    driver: Driver, attempt_id: str, now: datetime, until: datetime
) -> int | None:
    """Return which try this is, or None when somebody else is at it or it is not yet due."""
    id_ = _look_of(attempt_id)
    return await lease_look(driver, id_, now, until, idle_since=_NEVER, count=1)


async def plan_finish(driver: Driver, attempt_id: str, now: datetime, at: datetime) -> None:
    """End a try and set when the next one is due."""
    await plan_look(driver, _look_of(attempt_id), now, at)


def finished(attempt: Attempt, now: datetime) -> Attempt:
    """Return an attempt whose store was told."""
    return msgspec.structs.replace(attempt, finish=Finish.DONE, changed_at=now)


def _look_of(attempt_id: str) -> str:
    return f"{attempt_id}:finish"
