"""The town that the simulations of the laws share."""

from collections.abc import Iterator

import pytest
from tests.laws.town import Town, still_time

from guildbank.infra.postgres import Cluster


@pytest.fixture(scope="session")
def town(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(cluster.create_database("test_laws"), tmp_path_factory.mktemp("laws"))
    with still_time(town, pytest.MonkeyPatch()):
        yield town
    town.close()
