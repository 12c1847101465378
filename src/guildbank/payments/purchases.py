"""SQL of what a player bought of late, for the gates of pipelines."""

from datetime import datetime, timedelta

import msgspec

from guildbank.journal import Driver
from guildbank.kernel import seq_id

SKEW = timedelta(hours=1)
"""By how much the clock that makes ids may differ from the one that says when it was recorded."""

# The id begins with its time, so that the index on player and id ends the search where the time is
# over; `created_at` is the database's own word. What attempts say is read by their payment.
LATELY = """
SELECT intent.id, intent.product_id, intent.amount_minor, intent.money, intent.provider,
       intent.state, intent.created_at, tries.kept_minor, tries.declined_at
FROM payments_intent AS intent
CROSS JOIN LATERAL (
    SELECT coalesce(
               sum(captured_minor - refunding_minor - refunded_minor - disputed_minor), 0
           )::bigint AS kept_minor,
           coalesce(
               array_agg(changed_at ORDER BY changed_at DESC) FILTER (WHERE state = 'declined'),
               '{}'
           ) AS declined_at
    FROM payments_attempt
    WHERE payment_id = intent.id
) AS tries
WHERE intent.player_id = $1
  AND intent.id >= $2
  AND intent.created_at >= $3
  AND ($4::timestamptz IS NULL OR intent.created_at <= $4)
ORDER BY intent.id DESC
LIMIT $5
"""

# Of a device that is much used only the newest purchases are looked at, so that it costs no more.
COUNT_SHARERS = """
SELECT count(DISTINCT player_id)
FROM (
    SELECT player_id
    FROM payments_intent
    WHERE device = $1
      AND id >= $3
      AND created_at >= $4
      AND ($5::timestamptz IS NULL OR created_at <= $5)
      AND player_id <> $2
    ORDER BY id DESC
    LIMIT $6
) AS lately
"""
MAX_LOOKED_AT = 1_000


class LateRow(msgspec.Struct, frozen=True):
    """A purchase, with how much of its money is still here and when tries to pay it failed."""

    id: str
    product_id: str
    amount_minor: int
    money: str
    provider: str
    state: str
    created_at: datetime
    kept_minor: int
    declined_at: list[datetime]


async def purchases_since(
    driver: Driver, player_id: str, since: datetime, until: datetime | None, limit: int
) -> list[LateRow]:
    """Return what the player bought since then, newest first; with `until` nothing later."""
    first = seq_id("pay", 0, since - SKEW)
    rows = await driver.fetch(LATELY, player_id, first, since, until, limit)
    return [LateRow(*row) for row in rows]


async def count_sharers(
    driver: Driver,
    device: str,
    player_id: str,
    since: datetime,
    until: datetime | None,
    limit: int,
) -> int:
    """Return how many other players began purchases on the device since then, `limit` at most."""
    first = seq_id("pay", 0, since - SKEW)
    found: int = await driver.fetchval(
        COUNT_SHARERS, device, player_id, first, since, until, MAX_LOOKED_AT
    )
    return min(found, limit)
