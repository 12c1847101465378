"""One real PostgreSQL for the whole test session, with fsync on, as in production."""

from collections.abc import AsyncIterator, Iterator
from functools import cache

import httpx
import pytest
from tests.apps import lending
from tests.counters import stop_workers
from tests.servers.redis import PROGRAM, RedisServer
from tests.spares import borrowing

from guildbank.app.memory import settle
from guildbank.infra.database import Database
from guildbank.infra.limits import Store
from guildbank.infra.limits.in_postgres import PostgresStore
from guildbank.infra.limits.in_redis import RedisStore
from guildbank.infra.migrations.run import migrate
from guildbank.infra.postgres import Cluster

# Every client reads the authorities anew, which takes longer than most calls, plain ones included.
vars(httpx._transports.default)["create_ssl_context"] = cache(httpx.create_ssl_context)


def pytest_collection_finish() -> None:
    """Collect garbage as workers do: a walk over all tests would stop one for seconds."""
    settle()


@pytest.fixture(autouse=True)
def _borrows() -> Iterator[None]:
    """Once a test is over, other tests may have the schemas of its tenants and its apps."""
    with borrowing(), lending():
        yield


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The session's server; tests that break a server start their own."""
    folder = tmp_path_factory.mktemp("postgres") / "cluster"
    # By its end it has so many databases that the last checkpoint would sync files for a minute.
    # A process of tests has a house for each of its folders, which keep their connections.
    with Cluster(folder, settings={"max_connections": "250"}, stop_seconds=2) as running:
        yield running


@pytest.fixture(scope="session")
def cluster_url(cluster: Cluster) -> str:
    """The app's database on it, as the app's own role."""
    return cluster.url()


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """The session's Redis; tests that break one start their own."""
    if PROGRAM is None:
        pytest.skip("there is no redis-server here: apt-get install redis-server")
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="session")
async def counters_db(cluster: Cluster) -> AsyncIterator[Database]:
    """A database with the counters' tables."""
    url = cluster.create_database("test_counters")
    failed = [schema for schema in migrate(url) if schema.error]
    assert not failed, failed
    db = Database(url, pool_size=6)
    yield db
    await db.close()


@pytest.fixture(params=["postgresql", "redis"])
async def store(request: pytest.FixtureRequest, counters_db: Database) -> AsyncIterator[Store]:
    """Each place where counters may be kept."""
    kept: Store
    if request.param == "redis":
        # A busy machine may let it wait for longer than players are let wait.
        kept = RedisStore(request.getfixturevalue("redis").url, patience_seconds=20)
    else:
        kept = PostgresStore(counters_db)
    yield kept
    await stop_workers()
    await kept.close()
