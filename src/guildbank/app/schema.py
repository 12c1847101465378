"""Brings the database to the schema that this code needs, and tells at once when it is there.

After every schema has been migrated the control schema is marked with the revision, so that a
start on a database in order costs one query and imports no migration tool.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

import guildbank.infra

if TYPE_CHECKING:
    from guildbank.infra.migrations.run import Migrated

READ_MARK = """
SELECT obj_description(oid, 'pg_namespace')
FROM pg_namespace
WHERE nspname = 'guildbank'
"""
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)
_POLL_SECONDS = 0.05
Report = Callable[["Migrated", int, int], None]


class MigrationFailed(Exception):
    """A schema could not be brought forward; the message names it and says why."""


def newest_revision() -> str:
    """Return the revision that this code needs, from the names of the revisions' files."""
    versions = Path(guildbank.infra.__path__[0]) / "migrations" / "versions"
    return max(path.stem for path in versions.glob("[0-9]*.py"))


def mark() -> str:
    """Return the remark on the control schema that says: all schemas are at this revision."""
    return f"guildbank at revision {newest_revision()}"


async def is_current(url: str) -> bool:
    """Say whether every schema was brought to the revision of this code; raises if away."""
    connection = await asyncpg.connect(url, timeout=5)
    try:
        return bool(await connection.fetchval(READ_MARK) == mark())
    finally:
        await connection.close()


async def wait_until_current(find_url: Callable[[], str | None]) -> None:
    """Wait until there is a database, it answers and is migrated; whoever waits may cancel."""
    while True:
        url = find_url()
        try:
            if url is not None and await is_current(url):
                return
        except _AWAY:
            pass
        await asyncio.sleep(_POLL_SECONDS)


def bring_forward(url: str, report: Report = lambda _result, _done, _total: None) -> int:
    """Migrate all schemas and return how many changed; raises MigrationFailed."""
    from guildbank.infra.migrations.run import migrate

    done = migrate(url, report=report)
    failed = [result for result in done if result.error]
    if failed:
        raise MigrationFailed(f"{failed[0].schema}: {failed[0].error}")
    asyncio.run(_set_mark(url))
    return sum(result.before != result.after for result in done)


async def _set_mark(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    try:
        await connection.execute(f"COMMENT ON SCHEMA guildbank IS '{mark()}'")
    finally:
        await connection.close()
