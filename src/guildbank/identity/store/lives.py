"""SQL of what becomes of players: their standing, and suspensions whose time is over."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from guildbank.identity.contracts.lives import Standing
from guildbank.identity.store.sessions import ENDED
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.journal import Driver, Rows, Statement

READ = """
SELECT player_id, state, principal, since, until, sealed
FROM identity_standing
WHERE player_id = ANY($1::text[])
"""

# An active player keeps a row too, so that whoever returns is told to all workers likewise. The
# telling comes with the commit, and with each row that is written.
SAVE = f"""
INSERT INTO identity_standing (player_id, state, principal, since, until, sealed)
SELECT *
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bytea[])
ON CONFLICT (player_id) DO UPDATE
SET state = EXCLUDED.state, principal = EXCLUDED.principal, since = EXCLUDED.since,
    until = EXCLUDED.until, sealed = EXCLUDED.sealed
RETURNING pg_notify('{ENDED}', current_schema() || ' ' || player_id)
"""  # noqa: S608 - a constant

END_SESSIONS = """
UPDATE identity_session
SET ended_at = gone.since
FROM unnest($1::text[], $2::timestamptz[]) AS gone (player_id, since)
WHERE identity_session.player_id = gone.player_id
  AND identity_session.ended_at IS NULL
"""

# Suspensions that end by themselves, sooner or later.
ENDING = """
SELECT
FROM identity_standing
WHERE until IS NOT NULL
  AND state = 'suspended'
"""

OVER = """
SELECT player_id, until
FROM identity_standing
WHERE until <= $1
  AND state = 'suspended'
ORDER BY until
LIMIT $2
"""


class StandingRows:
    """Why players are not active, by player. Saving ends the sessions of those who are barred."""

    order: ClassVar[int] = IDENTITY_ORDER + 2
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[str]) -> Statement:
        """Read the rows that exist."""
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[str], rows: Rows) -> Mapping[str, Standing]:
        """Return the standings by player."""
        return {row[0]: standing(row) for row in rows}

    def saving(self, changed: Mapping[str, Standing]) -> Sequence[Statement]:
        """Write the rows, tell all workers, and end the sessions of who may not come in."""
        rows = [
            (one.player_id, one.state, one.principal, one.since, one.until, one.sealed)
            for one in changed.values()
        ]
        barred = [(one.player_id, one.since) for one in changed.values() if one.state != "active"]
        saving = [Statement(SAVE, tuple(zip(*rows, strict=True)))]
        if barred:
            saving.append(Statement(END_SESSIONS, tuple(zip(*barred, strict=True))))
        return saving


STANDINGS = StandingRows()


def standing(row: Sequence[Any]) -> Standing:
    """Return the standing of a row."""
    return Standing(
        player_id=row[0],
        state=row[1],
        principal=row[2],
        since=row[3],
        until=row[4],
        sealed=row[5],
    )


async def standing_of(driver: Driver, player_id: str) -> Standing | None:
    """Return what was last decided of the player, None if nothing ever was."""
    row = await driver.fetchrow(READ, [player_id])
    return None if row is None else standing(row)


async def over(driver: Driver, now: datetime, limit: int) -> list[tuple[str, datetime]]:
    """Return the suspended players whose time is over, and when it was."""
    return [(row[0], row[1]) for row in await driver.fetch(OVER, now, limit)]
