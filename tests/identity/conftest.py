"""The house that the tests of identity share."""

from collections.abc import AsyncIterator
from itertools import count

import httpx
import pytest
from tests.house import House, open_house

from guildbank.infra.postgres import Cluster
from guildbank.tenancy import TenantRef

_slugs = count(1)


@pytest.fixture(scope="session")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_identity")
    async with open_house(url, tmp_path_factory.mktemp("identity")) as house:
        yield house


@pytest.fixture
async def guild(house: House) -> TenantRef:
    """A tenant whose people are the test's."""
    return await house.tenant(f"guild-{next(_slugs)}")


@pytest.fixture
async def browser(house: House, guild: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at the guild's page, in which nobody signed in."""
    async with await house.players_client(guild) as client:
        yield client
