"""The house that the tests of tenancy share."""

from collections.abc import AsyncIterator

import pytest
from tests.house import House, open_house

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_tenancy")
    async with open_house(url, tmp_path_factory.mktemp("tenancy"), spares=False) as house:
        yield house
