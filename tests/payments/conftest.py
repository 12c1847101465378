"""Shops on one database, each a tenant of its own."""

from collections.abc import AsyncIterator

import pytest
from tests.house import House, open_house
from tests.payments.shop import Shop, open_shop

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
async def house(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    url = cluster.create_database("test_payments")
    async with open_house(url, tmp_path_factory.mktemp("payments")) as house:
        yield house


@pytest.fixture
async def shop(house: House) -> AsyncIterator[Shop]:
    """A shop that refuses refunds of spent coins."""
    shop = await open_shop(house)
    yield shop
    await shop.payments.drain()


@pytest.fixture
async def lenient_shop(house: House) -> AsyncIterator[Shop]:
    """A shop that books a debt for coins that were spent."""
    shop = await open_shop(house, spent_coins="debt")
    yield shop
    await shop.payments.drain()
