"""SQL of disputes: pages of them, those that are to be answered, and answers on their way."""

from collections.abc import Sequence
from datetime import datetime
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

COUNT_DUE = """
SELECT count(*)
FROM payments_dispute
WHERE state IN ('early_warning', 'needs_response')
  AND (evidence_state IS NULL OR evidence_state = 'refused')
  AND answer_by > $1
  AND answer_by <= $2
"""

# Answers of which the provider has not said that it has them, as `live_attempts` of payments.
ANSWERING = """
LEFT JOIN payments_look AS look USING (id)
WHERE evidence_state IN ('sending', 'unknown')
  AND CASE WHEN look.id IS NOT NULL THEN look.next_at <= $1 ELSE evidence_at <= $2 END
ORDER BY evidence_at
LIMIT $3
"""


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


async def answering(driver: Driver, now: datetime, first: datetime, limit: int) -> list[Dispute]:
    """Return disputes to ask about their answer: by their next look, or since it was sent."""
    records = await driver.fetch(f"{DISPUTES.select} {ANSWERING}", now, first, limit)
    return [DISPUTES.row(record) for record in records]
