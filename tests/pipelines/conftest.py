"""Shops on one database, each a tenant of its own."""

from collections.abc import AsyncIterator

import pytest
from tests.house import House, open_house

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_pipelines")
    async with open_house(url, tmp_path_factory.mktemp("pipelines")) as house:
        yield house
