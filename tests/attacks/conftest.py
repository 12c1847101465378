"""A deployment with a victim that has one of everything, and an intruder next door."""

from collections.abc import AsyncIterator, Sequence

import pytest
from tests.attacks.doors import PUBLIC
from tests.attacks.estate import SCRIPT, settle
from tests.attacks.table import Objects, Route, routes
from tests.pipelines.gates import Asking
from tests.studio import City, Studio, open_city

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_attacks")
    folder = tmp_path_factory.mktemp("attacks")
    async with open_city(url, folder, [("scripted", SCRIPT), ("asking", Asking())]) as city:
        yield city


@pytest.fixture(scope="session")
def table(city: City) -> Sequence[Route]:
    """Every route of the app."""
    return routes(city.app)


@pytest.fixture(scope="session")
def guarded(table: Sequence[Route]) -> Sequence[Route]:
    """Every route that asks for a scope which a key may have."""
    return [
        route
        for route in table
        if route.name not in PUBLIC and not (route.own or route.people or route.own_staff)
    ]


@pytest.fixture(scope="session")
def peopled(table: Sequence[Route]) -> Sequence[Route]:
    """Every route that only operators may call who have a permission."""
    return [route for route in table if route.people]


@pytest.fixture(scope="session")
def own_staff(table: Sequence[Route]) -> Sequence[Route]:
    """Every route of operators about themselves."""
    return [route for route in table if route.own_staff]


@pytest.fixture(scope="session")
def owned(table: Sequence[Route]) -> Sequence[Route]:
    """Every route that is only for players."""
    return [route for route in table if route.own]


@pytest.fixture(scope="session")
async def castle(city: City) -> AsyncIterator[Studio]:
    """The victim's tenant."""
    studio = await city.studio("castle")
    yield studio
    await studio.http.aclose()


@pytest.fixture(scope="session")
async def victim(castle: Studio) -> Objects:
    return await settle(castle)


@pytest.fixture(scope="session")
async def intruder(city: City) -> AsyncIterator[Studio]:
    """Another tenant, with a key that holds every scope."""
    studio = await city.studio("raiders")
    yield studio
    await studio.http.aclose()
