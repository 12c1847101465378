"""A deployment with a payment provider, and a studio in it for each test."""

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.lives.people import SCRIPT
from tests.studio import City, Studio, done, open_city

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_lives")
    folder = tmp_path_factory.mktemp("lives")
    async with open_city(url, folder, [("scripted", SCRIPT)]) as city:
        yield city


@pytest.fixture
async def studio(city: City) -> AsyncIterator[Studio]:
    await city.calm()
    studio = await city.studio()
    settings = {"settings": {"secret": "shh-quiet"}, "enabled": True}
    done(await studio.http.put("/v1/providers/scripted", json=settings))
    yield studio
    await studio.http.aclose()


@pytest.fixture
async def player(studio: Studio) -> str:
    return await studio.player()


@pytest.fixture
async def public(city: City, studio: Studio) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the studio's players."""
    key = await city.key(studio.ref, kind="publishable")
    async with city.client(**{"x-guildbank-key": key}) as client:
        yield client
