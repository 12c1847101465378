"""The counters in PostgreSQL: unlogged tables of the control schema, so that all workers agree.

Unlogged: a crash of the server empties them, which forgives everybody once and costs no disk.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from guildbank.infra.database import CONTROL_SCHEMA, Database, Tx
from guildbank.infra.limits.stores import Growth, StoreAway

PATIENCE_SECONDS = 1.0
TRY_PATIENCE_SECONDS = 5.0
"""A try at a password takes long anyway, and may wait for a connection like other work."""
SWEEP_ROWS = 10_000

# All keys of a worker in one statement, in the order of keys so that two workers never wait for
# each other in a circle. Qualified: it is a transaction by itself, and costs one round trip.
ADD = f"""
INSERT INTO {CONTROL_SCHEMA}.infra_rate AS kept (key, full_at)
SELECT key, statement_timestamp() + debt_us * INTERVAL '1 microsecond'
FROM unnest($1::bytea[], $2::bigint[]) AS added (key, debt_us)
ORDER BY key
ON CONFLICT (key) DO UPDATE
SET full_at = GREATEST(kept.full_at, statement_timestamp())
    + (EXCLUDED.full_at - statement_timestamp())
RETURNING key, (date_part('epoch', full_at - statement_timestamp()) * 1000000)::bigint AS debt_us
"""  # noqa: S608 - our own schema's name

# Adds and tells at once; who is refused gets the debt from a second look in the same statement.
TAKE = f"""
WITH taken AS (
    INSERT INTO {CONTROL_SCHEMA}.infra_rate AS kept (key, full_at)
    VALUES ($1, statement_timestamp() + $2::bigint * INTERVAL '1 microsecond')
    ON CONFLICT (key) DO UPDATE
    SET full_at = GREATEST(kept.full_at, statement_timestamp())
        + $2::bigint * INTERVAL '1 microsecond'
    WHERE GREATEST(kept.full_at, statement_timestamp()) + $2::bigint * INTERVAL '1 microsecond'
        <= statement_timestamp() + $3::bigint * INTERVAL '1 microsecond'
    RETURNING full_at
),
found AS (
    SELECT FALSE AS allowed, full_at
    FROM {CONTROL_SCHEMA}.infra_rate
    WHERE key = $1
      AND NOT EXISTS (SELECT FROM taken)
    UNION ALL
    SELECT TRUE, full_at
    FROM taken
)
SELECT allowed, (date_part('epoch', full_at - statement_timestamp()) * 1000000)::bigint AS debt_us
FROM found
"""  # noqa: S608 - our own schema's name

# Makes the rows that are missing and locks those that are there: whoever has just signed in may
# delete one at any moment, so that a look after the making could find none.
LOCK_TRIES = """
INSERT INTO infra_login_try (key, tries, free_at, forget_at)
SELECT key, 0, statement_timestamp(), statement_timestamp() + forget * INTERVAL '1 second'
FROM unnest($1::bytea[], $2::bigint[]) AS added (key, forget)
ORDER BY key
ON CONFLICT (key) DO UPDATE
SET key = EXCLUDED.key
RETURNING key,
    CASE WHEN forget_at < clock_timestamp() THEN 0 ELSE tries END AS tries,
    CEIL(date_part('epoch', free_at - clock_timestamp()))::bigint AS wait_seconds
"""

COUNT_TRIES = """
UPDATE infra_login_try
SET tries = counted.tries,
    free_at = clock_timestamp() + counted.delay * INTERVAL '1 second',
    forget_at = clock_timestamp() + counted.forget * INTERVAL '1 second'
FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[])
    AS counted (key, tries, delay, forget)
WHERE infra_login_try.key = counted.key
"""

# Who is back among the free tries waits no longer.
TAKE_BACK_TRY = """
UPDATE infra_login_try
SET tries = tries - 1,
    free_at = CASE WHEN tries - 1 < $2 THEN statement_timestamp() ELSE free_at END
WHERE key = $1
  AND tries > 0
"""

FORGET_TRIES = """
DELETE FROM infra_login_try
WHERE key = $1
"""

# Locked rows are in use, and waiting for one could close a circle.
SWEEP = (
    """
    DELETE FROM infra_rate
    WHERE key IN (
        SELECT key
        FROM infra_rate
        WHERE full_at < statement_timestamp()
        LIMIT $1
        FOR NO KEY UPDATE SKIP LOCKED
    )
    """,
    """
    DELETE FROM infra_login_try
    WHERE key IN (
        SELECT key
        FROM infra_login_try
        WHERE forget_at < statement_timestamp()
        LIMIT $1
        FOR NO KEY UPDATE SKIP LOCKED
    )
    """,
)


class PostgresStore:
    """`Store` on the tables `infra_rate` and `infra_login_try`; the database is its owner's."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, debts_us: Mapping[bytes, int]) -> Mapping[bytes, int]:
        """See `Store`."""
        async with _answering(), self._db.connect() as tx:
            rows = await tx.driver.fetch(ADD, list(debts_us), list(debts_us.values()))
        return {row["key"]: row["debt_us"] for row in rows}

    async def take(self, key: bytes, cost_us: int, capacity_us: int) -> tuple[bool, int]:
        """See `Store`."""
        async with _answering(), self._db.connect() as tx:
            row = await tx.driver.fetchrow(TAKE, key, cost_us, capacity_us)
        # A row that another worker made since this statement began shows to neither part of it.
        return (False, capacity_us) if row is None else (row["allowed"], row["debt_us"])

    async def begin_try(self, growths: Sequence[tuple[bytes, Growth]]) -> int:
        """See `Store`."""
        keys = [key for key, _ in growths]
        forgets = [growth.forget_seconds for _, growth in growths]
        async with _answering(TRY_PATIENCE_SECONDS), self._db.begin(CONTROL_SCHEMA) as tx:
            locked = await tx.driver.fetch(LOCK_TRIES, keys, forgets)
            rows = {row["key"]: row for row in locked}
            wait = max(int(row["wait_seconds"]) for row in rows.values())
            if wait > 0:
                return wait
            tries = [rows[key]["tries"] + 1 for key in keys]
            delays = [
                growth.delay_seconds(number)
                for number, (_, growth) in zip(tries, growths, strict=True)
            ]
            await tx.driver.execute(COUNT_TRIES, keys, tries, delays, forgets)
        return 0

    async def take_back_try(self, key: bytes, growth: Growth) -> None:
        """See `Store`."""
        async with _answering(TRY_PATIENCE_SECONDS), self._db.begin(CONTROL_SCHEMA) as tx:
            await tx.driver.execute(TAKE_BACK_TRY, key, growth.free_tries)

    async def forget_tries(self, key: bytes) -> None:
        """See `Store`."""
        async with _answering(TRY_PATIENCE_SECONDS), self._db.begin(CONTROL_SCHEMA) as tx:
            await tx.driver.execute(FORGET_TRIES, key)

    async def sweep(self) -> int:
        """See `Store`."""
        return sum([await self._sweep(statement) for statement in SWEEP])

    async def close(self) -> None:
        """Do nothing: the database is closed by who opened it."""

    async def _sweep(self, statement: str) -> int:
        dropped = 0
        while True:
            async with self._db.begin(CONTROL_SCHEMA) as tx:
                count = await _count(tx, statement)
            dropped += count
            if count < SWEEP_ROWS:
                return dropped


async def _count(tx: Tx, statement: str) -> int:
    status: str = await tx.driver.execute(statement, SWEEP_ROWS)
    return int(status.removeprefix("DELETE "))


@asynccontextmanager
async def _answering(seconds: float = PATIENCE_SECONDS) -> AsyncIterator[None]:
    """Turn whatever keeps the database from answering in time into StoreAway."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        raise StoreAway(f"the counters in PostgreSQL do not answer: {error!r}") from error
