"""Reaches the database directly, for commands that must work while no server runs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from guildbank.app.places import cluster_of
from guildbank.infra.config import Settings
from guildbank.infra.postgres import ClusterError


class Unreachable(Exception):
    """The database does not answer; the message says which and why."""


@contextmanager
def local_database(settings: Settings) -> Iterator[str]:
    """Lend the database's address. The embedded one is started if it stands still, and stopped.

    Raises ClusterError, also when there never was one, and Unreachable.
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        _require(url)
        yield url
        return
    cluster = cluster_of(settings)
    if cluster.running():
        yield cluster.url()
        return
    if not cluster.folder.exists():
        raise ClusterError(
            f"There is no database in {settings.data} yet. Start one with `guildbank up`, or name "
            "another folder with --data."
        )
    with cluster:
        yield cluster.url()


def _require(url: str) -> None:
    try:
        asyncio.run(_ask(url))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        reason = str(error) or type(error).__name__
        raise Unreachable(f"The database of GUILDBANK_DATABASE_URL: {reason}") from None


async def _ask(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=5)
    await connection.close()
