"""One deployment for the tests of wallets; each test opens a studio of its own."""

from collections.abc import AsyncIterator

import pytest
from tests.studio import City, Studio, open_city
from tests.wallets.hooking import PLUGINS

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_wallets")
    async with open_city(url, tmp_path_factory.mktemp("wallets"), PLUGINS) as city:
        yield city


@pytest.fixture
async def studio(city: City) -> AsyncIterator[Studio]:
    studio = await city.studio()
    yield studio
    await studio.http.aclose()


@pytest.fixture
async def rival(city: City) -> AsyncIterator[Studio]:
    """Another tenant of the same deployment."""
    studio = await city.studio()
    yield studio
    await studio.http.aclose()


@pytest.fixture
async def player(studio: Studio) -> str:
    return await studio.player()
