"""SQL of operators' sessions, which are asked for anew by each request: an end is at once."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from guildbank.identity.contracts.operators import OperatorSession, OperatorState
from guildbank.journal import Driver

_COLUMNS = """
session.id, session.operator_id, session.device, session.created_at, session.seen_at,
session.fresh_at, session.expires_at
"""

ADD = """
INSERT INTO identity_operator_session
    (hash, id, operator_id, device, created_at, seen_at, fresh_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $5, $6, $7)
"""

# All that a request needs of the person behind a cookie, in one round trip.
KNOW = f"""
SELECT {_COLUMNS},
       operator.state,
       ARRAY(
           SELECT held.role
           FROM identity_operator_role AS held
           WHERE held.operator_id = operator.id
       ),
       ARRAY(
           SELECT DISTINCT permission
           FROM identity_operator_role AS held
           JOIN identity_role AS role ON role.name = held.role
           CROSS JOIN unnest(role.permissions) AS permission
           WHERE held.operator_id = operator.id
       )
FROM identity_operator_session AS session
JOIN identity_operator AS operator ON operator.id = session.operator_id
WHERE session.hash = $1
"""  # noqa: S608 - names of our own columns

SEE = """
UPDATE identity_operator_session
SET seen_at = $2
WHERE hash = $1
"""

FRESHEN = """
UPDATE identity_operator_session
SET hash = $2,
    fresh_at = $3
WHERE hash = $1
RETURNING id
"""

LIVE = f"""
SELECT {_COLUMNS}
FROM identity_operator_session AS session
WHERE session.operator_id = $1
  AND session.expires_at > $2
  AND session.seen_at > $3
ORDER BY session.id DESC
"""  # noqa: S608 - names of our own columns

END = """
DELETE FROM identity_operator_session
WHERE operator_id = ANY($1::text[])
  AND ($2::text IS NULL OR id = $2)
  AND ($3::text IS NULL OR id <> $3)
RETURNING id
"""

FORGET = """
DELETE FROM identity_operator_session
WHERE expires_at <= $1
   OR seen_at <= $2
"""


class Known(msgspec.Struct, frozen=True):
    """A session with the state of its operator, the roles and what the tenant's own ones permit."""

    session: OperatorSession
    state: OperatorState
    roles: tuple[str, ...]
    permissions: frozenset[str]


async def add(driver: Driver, hash_: bytes, session: OperatorSession) -> None:
    """Begin a session."""
    await driver.execute(
        ADD,
        hash_,
        session.id,
        session.operator_id,
        session.device,
        session.created_at,
        session.fresh_at,
        session.expires_at,
    )


async def know(driver: Driver, hash_: bytes) -> Known | None:
    """Return the session of a cookie, whether or not it goes on."""
    row = await driver.fetchrow(KNOW, hash_)
    if row is None:
        return None
    return Known(_session(row), row[7], tuple(row[8]), frozenset(row[9]))


async def see(driver: Driver, hash_: bytes, now: datetime) -> None:
    """Note that the session was used, so that it is not idle."""
    await driver.execute(SEE, hash_, now)


async def freshen(driver: Driver, old: bytes, new: bytes, now: datetime) -> bool:
    """Give the session another cookie, and note that its operator proved identity again."""
    return await driver.fetchval(FRESHEN, old, new, now) is not None


async def live(
    driver: Driver, operator_id: str, now: datetime, idle_since: datetime
) -> list[OperatorSession]:
    """Return the operator's sessions that go on, newest first."""
    return [_session(row) for row in await driver.fetch(LIVE, operator_id, now, idle_since)]


async def end(
    driver: Driver,
    operators: Collection[str],
    *,
    only: str | None = None,
    keep: str | None = None,
) -> int:
    """End the sessions of these operators, or `only` the one of this id, but not `keep`."""
    return len(await driver.fetch(END, list(operators), only, keep))


async def forget(driver: Driver, now: datetime, idle_since: datetime) -> None:
    """Delete sessions that do not go on."""
    await driver.execute(FORGET, now, idle_since)


def _session(row: Any) -> OperatorSession:
    return OperatorSession(
        id=row[0],
        operator_id=row[1],
        device=row[2],
        created_at=row[3],
        seen_at=row[4],
        fresh_at=row[5],
        expires_at=row[6],
    )
