"""Brings the database to the schema that this code needs, and tells at once when it is there.

After every schema has been migrated the control schema is marked with the revision, so that a
start on a database in order costs one query and imports no migration tool.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

import guildbank.infra

if TYPE_CHECKING:
    from guildbank.infra.migrations.run import Migrated

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]

READ_MARK = """
SELECT obj_description(oid, 'pg_namespace')
FROM pg_namespace
WHERE nspname = 'guildbank'
"""
_MARK = "guildbank at revision "
_SEEN_SECONDS = 15.0
"""For longer than one is seen that was killed."""
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
    return f"{_MARK}{newest_revision()}"


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


def bring_forward(
    url: str,
    report: Report = lambda _result, _done, _total: None,
    patience_seconds: float = _SEEN_SECONDS,
) -> int:
    """Migrate all schemas and return how many changed; raises MigrationFailed.

    So it does where a process of before still runs after so long, and a revision may have none
    beside it; nothing was changed then.
    """
    from guildbank.infra.migrations.run import migrate

    asyncio.run(_wait_until_alone(url, patience_seconds))
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


async def _wait_until_alone(url: str, patience_seconds: float) -> None:
    """Wait until no process of before is seen, where one would harm what is to come."""
    from guildbank.infra.migrations.steps import alone_after
    from guildbank.pipelines import living

    connection = await _connected(url)
    if connection is None:
        # Whoever migrates says why there is none.
        return
    try:
        alone = alone_after(await _stands_at(connection))
        ends = asyncio.get_running_loop().time() + patience_seconds
        while alone and (seen := await living(connection)):
            if asyncio.get_running_loop().time() >= ends:
                raise MigrationFailed(
                    f"{alone[0]} must not be run beside servers and workers of before: stop "
                    f"{', '.join(seen)}, then migrate, then start the new ones"
                )
            await asyncio.sleep(_POLL_SECONDS)
    finally:
        await connection.close()


async def _connected(url: str) -> "Connection | None":
    settings = {"search_path": "guildbank"}
    try:
        return await asyncpg.connect(url, timeout=5, server_settings=settings)
    except _AWAY:
        return None


async def _stands_at(connection: "Connection") -> str | None:
    """Return the oldest revision at which a schema may be, None where there is none yet.

    The control schema goes first; that all tenants followed is said by the mark.
    """
    from guildbank.infra.migrations.create import READ_VERSION

    try:
        control = await connection.fetchval(READ_VERSION)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return None
    marked = await connection.fetchval(READ_MARK)
    if not isinstance(control, str):
        return None
    is_marked = isinstance(marked, str) and marked.startswith(_MARK)
    return min(control, marked.removeprefix(_MARK)) if is_marked else control
