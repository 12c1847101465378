"""SQL of who runs what: publications, processes, and what each of them has made ready."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from guildbank.journal import Driver
from guildbank.pipelines.contracts import Worker

TELL = """
INSERT INTO pipelines_publication (tenant_id, purpose, published, canary, at)
VALUES ($1, $2, $3, $4, now())
ON CONFLICT (tenant_id, purpose) DO UPDATE
SET published = excluded.published, canary = excluded.canary, at = excluded.at
"""

READ_TOLD = """
SELECT purpose, published, canary
FROM pipelines_publication
WHERE tenant_id = $1
"""

# A publication may be seen later than one that is younger: whoever asks goes back a little.
READ_NEW = """
SELECT tenant_id, purpose, published, canary, at
FROM pipelines_publication
WHERE at > $1
ORDER BY at
"""

BEAT = """
INSERT INTO pipelines_process (id, kind, seen_at)
VALUES ($1, $2, now())
ON CONFLICT (id) DO UPDATE
SET seen_at = excluded.seen_at
"""

FORGET = """
DELETE FROM pipelines_process
WHERE seen_at < now() - $1::interval
"""

LEAVE = """
DELETE FROM pipelines_process
WHERE id = $1
"""

REPORT = """
INSERT INTO pipelines_running (process, tenant_id, purpose, published, canary, problem, at)
VALUES ($1, $2, $3, $4, $5, $6, now())
ON CONFLICT (process, tenant_id, purpose) DO UPDATE
SET published = excluded.published, canary = excluded.canary, problem = excluded.problem,
    at = excluded.at
"""

READ_WORKERS = """
SELECT process.id, process.kind, process.seen_at, coalesce(running.published, 0), running.canary,
       running.problem, running.at
FROM pipelines_process AS process
LEFT JOIN pipelines_running AS running
       ON running.process = process.id
      AND running.tenant_id = $1
      AND running.purpose = $2
WHERE process.seen_at > now() - $3::interval
ORDER BY process.kind, process.id
LIMIT 1000
"""

IS_THERE = """
SELECT to_regclass('pipelines_process') IS NOT NULL
"""

READ_LIVING = """
SELECT kind || ' ' || id
FROM pipelines_process
WHERE seen_at > now() - $1::interval
ORDER BY kind, id
LIMIT 100
"""

GONE = timedelta(seconds=10)
"""A process that was not seen for so long is not shown."""
FORGOTTEN = timedelta(minutes=10)


class Publication(NamedTuple):
    """That a revision of a tenant's pipeline runs, and a canary beside it."""

    tenant_id: str
    purpose: str
    published: int
    canary: int | None
    at: datetime


async def tell(
    driver: Driver, tenant_id: str, purpose: str, published: int, canary: int | None
) -> None:
    """Let all processes know what runs from now on."""
    await driver.execute(TELL, tenant_id, purpose, published, canary)


async def told(driver: Driver, tenant_id: str) -> dict[str, tuple[int, int | None]]:
    """Return what processes were told of the tenant, by purpose."""
    return {row[0]: (row[1], row[2]) for row in await driver.fetch(READ_TOLD, tenant_id)}


async def publications_since(driver: Driver, since: datetime) -> Sequence[Publication]:
    """Return what was published after that moment, the oldest first."""
    return [Publication(*row) for row in await driver.fetch(READ_NEW, since)]


async def beat(driver: Driver, process: str, kind: str) -> None:
    """Say that the process lives."""
    await driver.execute(BEAT, process, kind)


async def forget(driver: Driver) -> None:
    """Forget processes that ended without a word."""
    await driver.execute(FORGET, FORGOTTEN)


async def leave(driver: Driver, process: str) -> None:
    """Say that the process ends."""
    await driver.execute(LEAVE, process)


async def report(driver: Driver, process: str, told: Publication, problem: str | None) -> None:
    """Say what the process has made ready."""
    await driver.execute(
        REPORT, process, told.tenant_id, told.purpose, told.published, told.canary, problem
    )


async def workers_of(driver: Driver, tenant_id: str, purpose: str) -> list[Worker]:
    """Return the processes that live, with what each runs for the purpose."""
    rows = await driver.fetch(READ_WORKERS, tenant_id, purpose, GONE)
    names = ("id", "kind", "seen_at", "published", "canary", "problem", "since")
    return [Worker(**dict(zip(names, row, strict=True))) for row in rows]


async def living(driver: Driver) -> list[str]:
    """Return the processes that live, each by its kind and id, of any version that says so.

    For one whose search path is the control schema; versions before there were any say nothing.
    """
    if not await driver.fetchval(IS_THERE):
        return []
    return [row[0] for row in await driver.fetch(READ_LIVING, GONE)]
