"""One deployment with its sandbox provider for all journeys that leave it running."""

from collections.abc import Iterator

import pytest
from tests.servers.guildbank import GuildbankServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    """A deployment on which every journey opens a stall of its own."""
    with GuildbankServer(tmp_path_factory.mktemp("journeys") / "data") as running:
        yield running
