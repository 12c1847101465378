"""SQL of players' sessions, on a tenant's schema."""

from datetime import datetime
from typing import Any

from guildbank.identity.contracts.players import PlayerState
from guildbank.identity.contracts.sign_in import Entrant, Method, Session
from guildbank.infra.database import quoted
from guildbank.journal import Driver

ENDED = "guildbank_ended"
"""The channel on which workers hear that sessions ended; its payload is a schema and a player."""

_COLUMNS = """
id, player_id, counter, device, methods, created_at, authenticated_at, refreshed_at, expires_at,
ended_at, factor_at
"""

ADD = """
INSERT INTO identity_session
    (id, player_id, counter, device, methods, created_at, authenticated_at, refreshed_at,
     expires_at, factor_at)
VALUES ($1, $2, 0, $3, $4, $5, $5, $5, $6, $7)
"""

# A change of the player's state or of a way in waits for who begins a session now, and is seen by
# who comes after.
NOW = """
SELECT id, state, credentials
FROM identity_player
WHERE id = $1
FOR SHARE
"""

# Refreshes of one session take turns here, so that one of them moves the counter.
LOCK = f"""
SELECT {_COLUMNS}
FROM identity_session
WHERE id = $1
FOR NO KEY UPDATE
"""  # noqa: S608 - names of our own columns

ADVANCE = """
UPDATE identity_session
SET counter = counter + 1,
    refreshed_at = $2
WHERE id = $1
"""

LIVE = f"""
SELECT {_COLUMNS}
FROM identity_session
WHERE player_id = $1
  AND ended_at IS NULL
  AND expires_at > $2
ORDER BY id DESC
"""  # noqa: S608 - names of our own columns

PLAYER_OF = """
SELECT player_id
FROM identity_session
WHERE id = $1
"""

# Of the schema that is named in it: requests that no cache answers come here, and one round trip
# is enough without a transaction.
STANDING = """
SELECT player.state, array_remove(array_agg(session.id), NULL)
FROM {schema}.identity_player AS player
LEFT JOIN {schema}.identity_session AS session
       ON session.player_id = player.id
      AND session.ended_at IS NULL
      AND session.expires_at > $2
WHERE player.id = $1
GROUP BY player.id
"""

# A method is listed once, in the order in which it was first proved.
PROVE = f"""
UPDATE identity_session
SET authenticated_at = $3,
    methods = CASE WHEN $4 = ANY(methods) THEN methods ELSE methods || $4 END,
    factor_at = CASE WHEN $5 THEN $3 ELSE factor_at END
WHERE id = $1
  AND player_id = $2
  AND ended_at IS NULL
RETURNING {_COLUMNS}
"""  # noqa: S608 - names of our own columns

# A factor that is added is proved by nobody yet: it counts as far as the sign-in did it came from.
ENROLLED = """
UPDATE identity_session
SET factor_at = authenticated_at
WHERE id = $1
  AND player_id = $2
  AND ended_at IS NULL
"""

FACTOR_AT = """
SELECT factor_at
FROM identity_session
WHERE id = $1
  AND player_id = $2
"""

END_OLDEST = """
UPDATE identity_session
SET ended_at = $2
WHERE id IN (
    SELECT id
    FROM identity_session
    WHERE player_id = $1
      AND ended_at IS NULL
    ORDER BY id DESC
    OFFSET $3
)
"""

FORGET_ENDED = """
DELETE FROM identity_session
WHERE id IN (
    SELECT id
    FROM identity_session
    WHERE coalesce(ended_at, expires_at) < $1
    LIMIT $2
)
"""

END = """
UPDATE identity_session
SET ended_at = $3
WHERE player_id = $1
  AND ended_at IS NULL
  AND ($2::text[] IS NULL OR id = ANY($2))
  AND ($4::text IS NULL OR id <> $4)
RETURNING id
"""

# Sent with the commit: who ends a session may rely on it when the answer comes.
TELL = "SELECT pg_notify($1, current_schema() || ' ' || $2)"


async def add(driver: Driver, session: Session) -> None:
    """Begin a session."""
    await driver.execute(
        ADD,
        session.id,
        session.player_id,
        session.device,
        list(session.methods),
        session.created_at,
        session.expires_at,
        session.factor_at,
    )


async def player_now(driver: Driver, player_id: str) -> Entrant | None:
    """Return the player, who stays so until this transaction ends."""
    row = await driver.fetchrow(NOW, player_id)
    return None if row is None else Entrant(row[0], row[1], row[2])


async def end_oldest(driver: Driver, player_id: str, now: datetime, keep: int) -> None:
    """End all sessions of the player but the newest `keep`; tell all workers on commit."""
    if (await driver.execute(END_OLDEST, player_id, now, keep)).split()[-1] != "0":
        await tell(driver, player_id)


async def forget_ended(driver: Driver, before: datetime, at_once: int) -> int:
    """Delete sessions that ended before then, at most so many; return how many."""
    return int((await driver.execute(FORGET_ENDED, before, at_once)).split()[-1])


async def lock(driver: Driver, session_id: str) -> Session | None:
    """Return a session that no one else refreshes until this transaction ends."""
    row = await driver.fetchrow(LOCK, session_id)
    return None if row is None else _session(row)


async def player_of(driver: Driver, session_id: str) -> str | None:
    """Return whose session it is."""
    player_id: str | None = await driver.fetchval(PLAYER_OF, session_id)
    return player_id


async def advance(driver: Driver, session_id: str, now: datetime) -> None:
    """Make the next refresh token the good one."""
    await driver.execute(ADVANCE, session_id, now)


async def prove(
    driver: Driver, session: tuple[str, str], now: datetime, method: Method, factor: bool
) -> Session | None:
    """Note that the player of a session (its id, the player's) proved themselves anew in it."""
    row = await driver.fetchrow(PROVE, *session, now, method, factor)
    return None if row is None else _session(row)


async def enrolled(driver: Driver, session_id: str, player_id: str) -> None:
    """Let the player's first factor count as proved when they last proved themselves here."""
    await driver.execute(ENROLLED, session_id, player_id)


async def factor_at(driver: Driver, session_id: str, player_id: str) -> datetime | None:
    """Return when a second factor was last proved in the session."""
    found: datetime | None = await driver.fetchval(FACTOR_AT, session_id, player_id)
    return found


async def live(driver: Driver, player_id: str, now: datetime) -> list[Session]:
    """Return the player's sessions that go on, newest first."""
    return [_session(row) for row in await driver.fetch(LIVE, player_id, now)]


async def standing(
    driver: Driver, schema: str, player_id: str, now: datetime
) -> tuple[PlayerState, list[str]] | None:
    """Return the player's state and the sessions that go on; needs no transaction."""
    row = await driver.fetchrow(STANDING.format(schema=quoted(schema)), player_id, now)
    return None if row is None else (row[0], row[1])


async def end(
    driver: Driver,
    player_id: str,
    now: datetime,
    *,
    only: list[str] | None = None,
    keep: str | None = None,
) -> list[str]:
    """End the player's sessions, or `only` these, but not `keep`; tell all workers on commit."""
    ended = [row[0] for row in await driver.fetch(END, player_id, only, now, keep)]
    if ended:
        await tell(driver, player_id)
    return ended


async def tell(driver: Driver, player_id: str) -> None:
    """Let all workers forget what they know of a player's standing, on commit."""
    await driver.execute(TELL, ENDED, player_id)


def _session(row: Any) -> Session:
    return Session(
        id=row[0],
        player_id=row[1],
        counter=row[2],
        device=row[3],
        methods=tuple(row[4]),
        created_at=row[5],
        authenticated_at=row[6],
        refreshed_at=row[7],
        expires_at=row[8],
        ended_at=row[9],
        factor_at=row[10],
    )
