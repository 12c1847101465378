"""SQL of what happened to a payment beside its own rows."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from guildbank.journal import Driver
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.store import ATTEMPTS, INTENTS

READ_ENTRIES = """
SELECT seq
FROM payments_entry
WHERE payment_id = $1
ORDER BY seq
"""

READ_CHECKS = """
SELECT number, answers, at
FROM payments_check
WHERE payment_id = $1
ORDER BY id
"""

READ_WEBHOOKS = """
SELECT webhook.provider, webhook.external_id, webhook.event::jsonb ->> 'kind' AS kind,
       webhook.received_at, webhook.tries, webhook.problem
FROM payments_webhook AS webhook
JOIN payments_attempt AS attempt ON attempt.id = webhook.attempt_id
WHERE attempt.payment_id = $1
ORDER BY webhook.received_at, webhook.id
"""

# An attempt or a refund has one row, which says when it was asked about last.
READ_LOOKS = """
SELECT id, looks, looked_at, next_at
FROM payments_look
WHERE id IN (
    SELECT id FROM payments_attempt WHERE payment_id = $1
    UNION ALL
    SELECT id FROM payments_refund WHERE payment_id = $1
    UNION ALL
    SELECT id || ':stand' FROM payments_dispute WHERE payment_id = $1
)
"""

READ_TELLINGS = """
SELECT step, seq, kind, at, tries, next_at, told_at, answer, problem, sealed
FROM payments_telling
WHERE payment_id = $1
ORDER BY seq, step
"""


# What is under way has no end yet that a draft's could be compared with.
READ_NEWEST = """
WHERE purpose = $1
  AND state NOT IN ('created', 'processing', 'requires_action', 'unknown')
ORDER BY id DESC
LIMIT $2
"""

READ_CHECKS_OF_ALL = """
SELECT payment_id, '[' || string_agg(trim('[]' FROM answers), ',' ORDER BY id) || ']'
FROM payments_check
WHERE payment_id = ANY($1::text[])
  AND number BETWEEN 0 AND 1
  AND answers <> '[]'
GROUP BY payment_id
"""


class CheckRow(msgspec.Struct, frozen=True):
    """What was said before attempt `number`, as JSON."""

    number: int
    answers: str
    at: datetime


class WebhookRow(msgspec.Struct, frozen=True):
    """What a provider told, without what it sent."""

    provider: str
    external_id: str
    kind: str | None
    received_at: datetime
    tries: int
    problem: str | None


class LookRow(msgspec.Struct, frozen=True):
    """When a provider was asked last, and how often it was."""

    id: str
    looks: int
    looked_at: datetime
    next_at: datetime


class TellingRow(msgspec.Struct, frozen=True):
    """Whether a callback step knows of an entry."""

    step: str
    seq: int
    kind: str
    at: datetime
    tries: int
    next_at: datetime
    told_at: datetime | None
    answer: str | None
    problem: str | None
    sealed: bytes | None


async def exists(driver: Driver, payment_id: str) -> bool:
    """Say whether there is such a payment."""
    found = await driver.fetchval("SELECT 1 FROM payments_intent WHERE id = $1", payment_id)
    return found is not None


async def entries_of(driver: Driver, payment_id: str) -> list[int]:
    """Return the seqs of the entries that are about the payment."""
    return [row["seq"] for row in await driver.fetch(READ_ENTRIES, payment_id)]


async def checks_of(driver: Driver, payment_id: str) -> list[CheckRow]:
    """Return what checks said."""
    return [CheckRow(*row) for row in await driver.fetch(READ_CHECKS, payment_id)]


async def webhooks_of(driver: Driver, payment_id: str) -> list[WebhookRow]:
    """Return what providers told."""
    return [WebhookRow(*row) for row in await driver.fetch(READ_WEBHOOKS, payment_id)]


async def looks_of(driver: Driver, payment_id: str) -> list[LookRow]:
    """Return what providers were asked about."""
    return [LookRow(*row) for row in await driver.fetch(READ_LOOKS, payment_id)]


async def tellings_of(driver: Driver, payment_id: str) -> list[TellingRow]:
    """Return what callback steps are told."""
    return [TellingRow(*row) for row in await driver.fetch(READ_TELLINGS, payment_id)]


async def newest_of(driver: Driver, purpose: str, limit: int) -> list[Intent]:
    """Return the newest payments of a purpose that are not under way."""
    records = await driver.fetch(f"{INTENTS.select} {READ_NEWEST}", purpose, limit)
    return [INTENTS.row(record) for record in records]


async def attempts_of_all(driver: Driver, payments: Sequence[str]) -> dict[str, list[Attempt]]:
    """Return the attempts of payments, the first one first."""
    records = await driver.fetch(
        f"{ATTEMPTS.select} WHERE payment_id = ANY($1::text[]) ORDER BY number", payments
    )
    found: dict[str, list[Attempt]] = {}
    for one in map(ATTEMPTS.row, records):
        found.setdefault(one.payment_id, []).append(one)
    return found


async def checks_of_all(driver: Driver, payments: Sequence[str]) -> dict[str, str]:
    """Return what was said of payments up to their first attempt, as one list in JSON each."""
    return {row[0]: row[1] for row in await driver.fetch(READ_CHECKS_OF_ALL, payments)}
