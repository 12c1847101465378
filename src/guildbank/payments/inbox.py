"""SQL of what providers told us, by webhooks and in reports."""

from datetime import datetime, timedelta

import msgspec

from guildbank.journal import Driver
from guildbank.payments.exchanges import Fields
from guildbank.plugin_api import ProviderEvent

INSERT_WEBHOOK = """
INSERT INTO payments_webhook
    (id, provider, external_id, event, fields, received_at, next_at, tries)
VALUES ($1, $2, $3, $4, $5, $6, $6, 0)
ON CONFLICT (provider, external_id) DO NOTHING
RETURNING id
"""

# Taking an event also puts it off: if its worker dies, another one finds it later.
CLAIM_WEBHOOK = """
UPDATE payments_webhook
SET tries = tries + 1, next_at = $3
WHERE id = $1
  AND processed_at IS NULL
  AND next_at <= $2
RETURNING provider, event, tries, received_at, fields
"""

# Of what is about somebody the fields are among the exchanges from here on, or nowhere.
CLOSE_WEBHOOK = """
UPDATE payments_webhook
SET processed_at = $2, problem = $3, attempt_id = $4, headers = '{}', body = '',
    fields = CASE WHEN $4::text IS NULL THEN fields END
WHERE id = $1
  AND processed_at IS NULL
RETURNING id
"""

# A few at a time, so that no row is locked for long.
FORGET_FIELDS = """
UPDATE payments_webhook
SET fields = NULL
WHERE id IN (
    SELECT id
    FROM payments_webhook
    WHERE fields IS NOT NULL
      AND received_at < $1
      AND processed_at IS NOT NULL
    ORDER BY received_at
    LIMIT $2
    FOR NO KEY UPDATE SKIP LOCKED
)
"""

# Processes of an earlier version keep what was sent as it came.
EMPTY_BODIES = """
UPDATE payments_webhook
SET headers = '{}', body = ''
WHERE id IN (
    SELECT id
    FROM payments_webhook
    WHERE body <> ''
      AND processed_at IS NOT NULL
    ORDER BY received_at
    LIMIT $1
    FOR NO KEY UPDATE SKIP LOCKED
)
"""

DELAY_WEBHOOK = """
UPDATE payments_webhook
SET next_at = $2, problem = $3
WHERE id = $1
"""

DUE_WEBHOOKS = """
SELECT id, provider
FROM payments_webhook
WHERE processed_at IS NULL
  AND next_at <= $1
ORDER BY next_at
LIMIT $2
"""

READ_CURSOR = """
SELECT cursor
FROM payments_report
WHERE provider = $1
"""

# One who was overtaken may move it back: lines that are read again are known.
MOVE_CURSOR = """
INSERT INTO payments_report (provider, cursor, problem, read_at)
VALUES ($1, $2, NULL, $3)
ON CONFLICT (provider) DO UPDATE
SET cursor = EXCLUDED.cursor, problem = NULL, read_at = EXCLUDED.read_at
"""

NOTE_PROBLEM = """
INSERT INTO payments_report (provider, cursor, problem, read_at)
VALUES ($1, NULL, $2, $3)
ON CONFLICT (provider) DO UPDATE
SET problem = EXCLUDED.problem, read_at = EXCLUDED.read_at
"""


class Claimed(msgspec.Struct, frozen=True):
    """An event to be worked on."""

    provider: str
    event: ProviderEvent
    tries: int
    received_at: datetime
    fields: Fields


async def insert_webhook(
    driver: Driver, id_: str, provider: str, event: ProviderEvent, fields: Fields, now: datetime
) -> bool:
    """Keep an event once, with the allowed fields of what was sent; False when it came before."""
    found = await driver.fetchval(
        INSERT_WEBHOOK, id_, provider, event.external_id, msgspec.json.encode(event).decode(),
        msgspec.json.encode(fields).decode() if fields else None, now,
    )  # fmt: skip
    return found is not None


async def claim_webhook(
    driver: Driver, id_: str, now: datetime, patience: timedelta
) -> Claimed | None:
    """Take an event to work on, None when it is done or another worker has it."""
    row = await driver.fetchrow(CLAIM_WEBHOOK, id_, now, now + patience)
    if row is None:
        return None
    event = msgspec.json.decode(row["event"], type=ProviderEvent)
    fields = {} if row["fields"] is None else msgspec.json.decode(row["fields"])
    return Claimed(row["provider"], event, row["tries"], row["received_at"], fields)


async def close_webhook(
    driver: Driver, id_: str, now: datetime, problem: str | None, about: str | None
) -> bool:
    """Mark an event as done, and which attempt or payout it was about; False where it is done."""
    return await driver.fetchval(CLOSE_WEBHOOK, id_, now, problem, about) is not None


async def forget_fields(driver: Driver, before: datetime, limit: int) -> int:
    """Forget fields of events that came before this time and were worked on; return how many."""
    await driver.execute(EMPTY_BODIES, limit)
    done: str = await driver.execute(FORGET_FIELDS, before, limit)
    return int(done.rpartition(" ")[2])


async def delay_webhook(driver: Driver, id_: str, at: datetime, problem: str) -> None:
    """Put an event off: it came too early, or its work failed."""
    await driver.execute(DELAY_WEBHOOK, id_, at, problem)


async def due_webhooks(driver: Driver, now: datetime, limit: int) -> list[tuple[str, str]]:
    """Return events to work on, each with its provider."""
    return [(row[0], row[1]) for row in await driver.fetch(DUE_WEBHOOKS, now, limit)]


async def cursor_of(driver: Driver, provider: str) -> str | None:
    """Return how far a provider's reports are read, None where they never were."""
    found: str | None = await driver.fetchval(READ_CURSOR, provider)
    return found


async def move_cursor(driver: Driver, provider: str, cursor: str, now: datetime) -> None:
    """Keep how far a provider's reports are read."""
    await driver.execute(MOVE_CURSOR, provider, cursor, now)


async def note_problem(driver: Driver, provider: str, problem: str, now: datetime) -> None:
    """Say why a provider's reports cannot be read now; the cursor stays where it is."""
    await driver.execute(NOTE_PROBLEM, provider, problem, now)
