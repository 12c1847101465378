"""The town that the simulations of the laws share, and its time."""

from collections.abc import Iterator

import pytest
from tests.laws.town import Town, still_time

from guildbank.infra.postgres import Cluster
from guildbank.journal import foresight, pen


@pytest.fixture(scope="session")
def built_town(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(cluster.create_database("test_laws"), tmp_path_factory.mktemp("laws"))
    yield town
    town.close()


@pytest.fixture
def town(built_town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """The town, by whose clock all journals go until the test ends.

    Batches are decided ahead wherever that is possible, most of them without reading their keys,
    and those of more than three acts are copied, as large ones are.
    """
    monkeypatch.setattr(foresight, "LEAST_ACTS", 1)
    monkeypatch.setattr(foresight, "WARY_BATCHES", 1)
    monkeypatch.setattr(pen, "COPY_FROM_ROWS", 3)
    with still_time(built_town, monkeypatch):
        yield built_town
