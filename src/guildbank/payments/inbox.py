"""SQL of what providers told us and of the tenant's accounts at providers."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

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

READ_PROVIDER = """
SELECT id, enabled, settings, sealed, created_at, changed_at
FROM payments_provider
WHERE id = $1
"""

READ_PROVIDERS = """
SELECT id, enabled, settings, sealed, created_at, changed_at
FROM payments_provider
ORDER BY id
"""

SAVE_PROVIDER = """
INSERT INTO payments_provider (id, enabled, settings, sealed, created_at, changed_at)
VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (id) DO UPDATE
SET enabled = excluded.enabled, settings = excluded.settings, sealed = excluded.sealed,
    changed_at = excluded.changed_at
"""


class Account(msgspec.Struct, frozen=True):
    """A tenant's account at a provider; `settings` is JSON without secrets, `sealed` the rest."""

    id: str
    enabled: bool
    settings: str
    sealed: bytes
    created_at: datetime
    changed_at: datetime


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


async def account_of(driver: Driver, provider: str) -> Account | None:
    """Return the tenant's account at a provider."""
    row = await driver.fetchrow(READ_PROVIDER, provider)
    return None if row is None else _account(row)


async def accounts(driver: Driver) -> list[Account]:
    """Return all accounts of the tenant."""
    return [_account(row) for row in await driver.fetch(READ_PROVIDERS)]


async def save_account(
    driver: Driver, id_: str, *, enabled: bool, settings: str, sealed: bytes, now: datetime
) -> None:
    """Set the account at a provider."""
    await driver.execute(SAVE_PROVIDER, id_, enabled, settings, sealed, now)


def _account(row: Any) -> Account:
    return Account(*row)
