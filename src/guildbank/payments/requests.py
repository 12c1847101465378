"""SQL of refund requests: their shelves for acts, and plain reads."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple

import msgspec

from guildbank.journal import Driver, PutOnly, Statement, fetch_rows
from guildbank.journal import Rows as JournalRows
from guildbank.payments import tables
from guildbank.payments.contracts.requests import RefundPolicy, RefundRequest, StoredPolicy
from guildbank.payments.contracts.rows import PAYMENTS_ORDER, Refund
from guildbank.payments.store import REFUNDS, Rows

PAGE = """
WHERE ($1::text IS NULL OR player_id = $1)
  AND ($2::text IS NULL OR state = $2)
  AND ($3::text IS NULL OR payment_id = $3)
  AND ($4::text IS NULL OR id < $4)
ORDER BY id DESC
LIMIT $5
"""

# Rules look back for a year at most.
GRANTS = """
SELECT player_id, decided_at
FROM payments_refund_request
WHERE player_id = ANY($1::text[])
  AND state = 'granted'
  AND decided_at > now() - INTERVAL '366 days'
ORDER BY decided_at
"""

READ_POLICY = """
SELECT version, policy, saved_by, saved_at
FROM payments_refund_policy
WHERE $1::integer IS NULL
   OR version = $1
ORDER BY version DESC
LIMIT 1
"""

SAVE_POLICY = """
INSERT INTO payments_refund_policy (version, policy, saved_by, saved_at)
SELECT *
FROM unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[])
"""

NEWEST = "newest"
"""The one key of the policy's shelf."""


COUNT_OPEN = """
SELECT count(*)
FROM payments_refund_request
WHERE state = 'open'
  AND created_at < $1
"""


class Requests(Rows[RefundRequest]):
    """Requests by id."""

    order: ClassVar[int] = PAYMENTS_ORDER + 8


REQUESTS = Requests(tables.refund_request, RefundRequest)


class OpenRequests:
    """The open request of a payment, by the payment's id: an index, so it writes nothing."""

    order: ClassVar[int] = PAYMENTS_ORDER + 8
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read those that are open."""
        asked = f"{REQUESTS.select} WHERE state = 'open' AND payment_id = ANY($1::text[])"
        return Statement(asked, (keys,))

    def read(self, keys: Sequence[str], rows: JournalRows) -> Mapping[str, RefundRequest | None]:
        """Return the requests by payment."""
        return {found.payment_id: found for found in map(REQUESTS.row, rows)}

    def saving(self, changed: Mapping[str, Any]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


class Grants:
    """When requests of a player were granted, the oldest first: an index, so it writes nothing."""

    order: ClassVar[int] = PAYMENTS_ORDER + 8
    derived: ClassVar[bool] = True

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the times."""
        return Statement(GRANTS, (keys,))

    def read(self, keys: Sequence[str], rows: JournalRows) -> Mapping[str, tuple[datetime, ...]]:
        """Return the times by player, none for who was granted nothing."""
        found: dict[str, tuple[datetime, ...]] = dict.fromkeys(keys, ())
        for player_id, at in rows:
            found[player_id] = (*found[player_id], at)
        return found

    def saving(self, changed: Mapping[str, Any]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


class Policies(PutOnly):
    """Versions of the policy by their number; one that was saved stays as it is."""

    order: ClassVar[int] = PAYMENTS_ORDER + 9

    def saving(self, changed: Mapping[int, StoredPolicy]) -> Sequence[Statement]:
        """Add the versions."""
        new = [
            (one.version, msgspec.json.encode(one.policy).decode(), one.saved_by, one.saved_at)
            for one in changed.values()
        ]
        return [Statement(SAVE_POLICY, tuple(zip(*new, strict=True)))]


class NewestPolicy:
    """The newest version, under the key NEWEST; the shelf of versions does the writing."""

    order: ClassVar[int] = PAYMENTS_ORDER + 9
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the newest version."""
        return Statement(READ_POLICY, (None,))

    def read(self, keys: Sequence[str], rows: JournalRows) -> Mapping[str, StoredPolicy]:
        """Return the version, nothing where none was ever saved."""
        return {NEWEST: _policy(rows[0])} if rows else {}

    def saving(self, changed: Mapping[str, StoredPolicy]) -> Sequence[Statement]:
        """Write nothing: this shelf is an index."""
        return ()


def _policy(row: Sequence[Any]) -> StoredPolicy:
    version, policy, saved_by, saved_at = row
    found = msgspec.json.decode(policy, type=RefundPolicy)
    return StoredPolicy(version=version, policy=found, saved_by=saved_by, saved_at=saved_at)


OPEN_REQUESTS = OpenRequests()
GRANTED = Grants()
POLICIES = Policies()
POLICY = NewestPolicy()


class RequestFilter(NamedTuple):
    """Which requests are listed."""

    player_id: str | None = None
    state: str | None = None
    payment_id: str | None = None


async def request_by_id(driver: Driver, id_: str) -> RefundRequest | None:
    """Return a request."""
    return (await fetch_rows(driver, REQUESTS, [id_])).get(id_)


async def open_before(driver: Driver, at: datetime) -> int:
    """Return how many requests that were made before are still open."""
    return int(await driver.fetchval(COUNT_OPEN, at))


async def request_page(
    driver: Driver, wanted: RequestFilter, before: str | None, limit: int
) -> list[RefundRequest]:
    """Return requests, the newest first."""
    records = await driver.fetch(f"{REQUESTS.select} {PAGE}", *wanted, before, limit)
    return [REQUESTS.row(record) for record in records]


async def refunds_by_id(driver: Driver, ids: Sequence[str]) -> Mapping[str, Refund]:
    """Return refunds by their ids."""
    return await fetch_rows(driver, REFUNDS, ids) if ids else {}


async def granted_at(driver: Driver, player_id: str) -> tuple[datetime, ...]:
    """Return when requests of a player were granted, the oldest first."""
    found: tuple[datetime, ...] = (await fetch_rows(driver, GRANTED, [player_id]))[player_id]
    return found


async def policy_of(driver: Driver, version: int | None = None) -> StoredPolicy | None:
    """Return a version of the policy, the newest where none is named."""
    row = await driver.fetchrow(READ_POLICY, version)
    return None if row is None else _policy(row)
