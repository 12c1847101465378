"""SQL of disputes: pages of them, those that are to be answered, and answers on their way."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from guildbank.journal import Driver, fetch_rows
from guildbank.payments.contracts.rows import Dispute
from guildbank.payments.store import DISPUTES

PAGE = """
WHERE ($1::text IS NULL OR state = $1)
  AND ($2::text IS NULL OR payment_id = $2)
  AND ($3::timestamptz IS NULL
       OR (state IN ('early_warning', 'needs_response')
           AND (evidence_state IS NULL OR evidence_state = 'refused')
           AND answer_by > $4
           AND answer_by <= $3))
  AND ($5::text IS NULL OR id < $5)
ORDER BY id DESC
LIMIT $6
"""

_DUE = """
state IN ('early_warning', 'needs_response')
AND (evidence_state IS NULL OR evidence_state = 'refused')
AND answer_by > $1
AND answer_by <= $2
"""
COUNT_DUE = f"""
SELECT count(*)
FROM payments_dispute
WHERE {_DUE}
"""  # noqa: S608 - conditions of our own

FIRST_DUE = f"""
WHERE {_DUE}
ORDER BY answer_by, id
LIMIT 1
"""

# Answers of which the provider has not said that it has them, as `live_attempts` of payments.
ANSWERING = """
LEFT JOIN payments_look AS look USING (id)
WHERE evidence_state IN ('sending', 'unknown')
  AND CASE WHEN look.id IS NOT NULL THEN look.next_at <= $1 ELSE evidence_at <= $2 END
ORDER BY evidence_at
LIMIT $3
"""

OF_STAND = ":stand"
"""Follows the id of a dispute where it is looked at for its end, and not for its answer."""

# Those that are open and, for a while, those that are decided and whose money has yet to go or to
# come back. As the index of these.
_UNENDED = """
state IN ('early_warning', 'needs_response', 'under_review')
OR (state = 'lost' AND NOT withdrawn)
OR (state = 'won' AND withdrawn AND NOT reinstated)
"""
WAITS = f"""
SELECT
FROM payments_dispute
WHERE {_UNENDED}
"""

UNENDED = f"""
WHERE ({_UNENDED})
  AND (state NOT IN ('lost', 'won') OR changed_at > $1::timestamptz - $4::interval)
  AND coalesce(
      (
          SELECT look.next_at
          FROM payments_look AS look
          WHERE look.id = payments_dispute.id || '{OF_STAND}'
      ),
      changed_at + CASE WHEN state IN ('lost', 'won') THEN $3::interval ELSE $2::interval END
  ) <= $1
ORDER BY changed_at
LIMIT $5
"""  # noqa: S608 - names and conditions of our own


class Pauses(NamedTuple):
    """How long after its last change a dispute is first asked about, and when it is no more."""

    open: timedelta
    decided: timedelta
    gives_up: timedelta


class DisputeFilter(NamedTuple):
    """Which disputes are listed; `due_by` are those that are to be answered by then."""

    state: str | None = None
    payment_id: str | None = None
    due_by: datetime | None = None


async def dispute_by_id(driver: Driver, id_: str) -> Dispute | None:
    """Return a dispute."""
    return (await fetch_rows(driver, DISPUTES, [id_])).get(id_)


async def dispute_page(
    driver: Driver, wanted: DisputeFilter, now: datetime, before: str | None, limit: int
) -> Sequence[Dispute]:
    """Return disputes, the newest first."""
    records = await driver.fetch(f"{DISPUTES.select} {PAGE}", *wanted, now, before, limit)
    return [DISPUTES.row(record) for record in records]


async def count_due(driver: Driver, now: datetime, by: datetime) -> int:
    """Return how many disputes nobody has answered that are to be answered by then."""
    return int(await driver.fetchval(COUNT_DUE, now, by))


async def first_due(driver: Driver, now: datetime, by: datetime) -> Dispute | None:
    """Return the dispute that is to be answered first of those that are counted."""
    record = await driver.fetchrow(f"{DISPUTES.select} {FIRST_DUE}", now, by)
    return None if record is None else DISPUTES.row(record)


async def answering(driver: Driver, now: datetime, first: datetime, limit: int) -> list[Dispute]:
    """Return disputes to ask about their answer: by their next look, or since it was sent."""
    records = await driver.fetch(f"{DISPUTES.select} {ANSWERING}", now, first, limit)
    return [DISPUTES.row(record) for record in records]


async def unended(driver: Driver, now: datetime, pauses: Pauses, limit: int) -> list[Dispute]:
    """Return disputes to ask about their end: by their next look, or since they changed.

    Of one that is decided nobody asks any more once it has not changed for `gives_up`.
    """
    records = await driver.fetch(f"{DISPUTES.select} {UNENDED}", now, *pauses, limit)
    return [DISPUTES.row(record) for record in records]
