"""One real PostgreSQL for the whole test session, with fsync on, as in production."""

from collections.abc import Iterator

import pytest

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The session's server; tests that break a server start their own."""
    with Cluster(tmp_path_factory.mktemp("postgres") / "cluster") as running:
        yield running


@pytest.fixture(scope="session")
def cluster_url(cluster: Cluster) -> str:
    """The app's database on it, as the app's own role."""
    return cluster.url()
