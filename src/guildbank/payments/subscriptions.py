"""SQL of subscriptions: their shelves for acts, plain reads, and which to ask a store about."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from guildbank.journal import Driver
from guildbank.payments import tables
from guildbank.payments.contracts.rows import PAYMENTS_ORDER
from guildbank.payments.contracts.subscriptions import MAX_SHOWN, Subscription
from guildbank.payments.store import References, Rows
from guildbank.plugin_api import ENDED_STATES

# A store is asked soon after a period ends, and once in a while before; of one that is over it is
# asked for some time, since a player can take it up again in the store.
DUE = """
LEFT JOIN payments_look AS look USING (id)
WHERE (state <> ALL ($1::text[]) OR changed_at > $2)
  AND CASE WHEN look.id IS NOT NULL THEN look.next_at <= $3
           ELSE ends_at <= $4 OR changed_at <= $5 END
ORDER BY changed_at
LIMIT $6
"""


class Subscriptions(Rows[Subscription]):
    """Subscriptions by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 8


SUBSCRIPTIONS = Subscriptions(tables.subscription, Subscription)
SUBSCRIPTION_REFERENCES = References(SUBSCRIPTIONS)


async def subscription_by_reference(
    driver: Driver, provider: str, reference: str
) -> Subscription | None:
    """Return the subscription that a store calls so."""
    record = await driver.fetchrow(
        f"{SUBSCRIPTIONS.select} WHERE provider = $1 AND reference = $2", provider, reference
    )
    return None if record is None else SUBSCRIPTIONS.row(record)


async def subscriptions_of(driver: Driver, player_id: str) -> Sequence[Subscription]:
    """Return a player's subscriptions, the newest first."""
    records = await driver.fetch(
        f"{SUBSCRIPTIONS.select} WHERE player_id = $1 ORDER BY id DESC LIMIT $2",
        player_id,
        MAX_SHOWN,
    )
    return [SUBSCRIPTIONS.row(record) for record in records]


async def due_subscriptions(
    driver: Driver, now: datetime, after: timedelta, within: timedelta, ended: timedelta, limit: int
) -> Sequence[Subscription]:
    """Return what a store is to be asked about now.

    That is `after` its period ended, else `within` so long; of one that is over, until `ended`.
    """
    over = sorted(ENDED_STATES)
    records = await driver.fetch(
        f"{SUBSCRIPTIONS.select} {DUE}",
        over, now - ended, now, now - after, now - within, limit,
    )  # fmt: skip
    return [SUBSCRIPTIONS.row(record) for record in records]
