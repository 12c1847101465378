"""One deployment for the tests of approvals; each test opens an office of its own."""

from collections.abc import AsyncIterator

import pytest
from tests.approvals.office import Office, open_office
from tests.studio import City, open_city

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_approvals")
    async with open_city(url, tmp_path_factory.mktemp("approvals")) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    """A studio with two owners, where nothing needs approval yet."""
    async with open_office(city) as office:
        yield office
