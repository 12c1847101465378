"""SQL of what providers told us."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from guildbank.journal import Driver
from guildbank.plugin_api import ProviderEvent

INSERT_WEBHOOK = """
INSERT INTO payments_webhook
    (id, provider, external_id, event, headers, body, received_at, next_at, tries)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)
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
RETURNING provider, event, tries, received_at
"""

CLOSE_WEBHOOK = """
UPDATE payments_webhook
SET processed_at = $2, problem = $3
WHERE id = $1
"""

DELAY_WEBHOOK = """
UPDATE payments_webhook
SET next_at = $2, problem = $3
WHERE id = $1
"""

DUE_WEBHOOKS = """
SELECT id
FROM payments_webhook
WHERE processed_at IS NULL
  AND next_at <= $1
ORDER BY next_at
LIMIT $2
"""


class Claimed(msgspec.Struct, frozen=True):
    """An event to be worked on."""

    provider: str
    event: ProviderEvent
    tries: int
    received_at: datetime


async def insert_webhook(
    driver: Driver,
    id_: str,
    provider: str,
    event: ProviderEvent,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> bool:
    """Keep an event once; False when it came before."""
    found = await driver.fetchval(
        INSERT_WEBHOOK, id_, provider, event.external_id, msgspec.json.encode(event).decode(),
        msgspec.json.encode(dict(headers)).decode(), body, now,
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
    return Claimed(row["provider"], event, row["tries"], row["received_at"])


async def close_webhook(driver: Driver, id_: str, now: datetime, problem: str | None) -> None:
    """Mark an event as done."""
    await driver.execute(CLOSE_WEBHOOK, id_, now, problem)


async def delay_webhook(driver: Driver, id_: str, at: datetime, problem: str) -> None:
    """Put an event off: it came too early, or its work failed."""
    await driver.execute(DELAY_WEBHOOK, id_, at, problem)


async def due_webhooks(driver: Driver, now: datetime, limit: int) -> list[str]:
    """Return events to work on."""
    return [row["id"] for row in await driver.fetch(DUE_WEBHOOKS, now, limit)]
