"""One whole deployment for all tests that speak to it over HTTP."""

from collections.abc import Iterator

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    """A deployment with the demo tenant and the sandbox provider."""
    with GuildbankServer(tmp_path_factory.mktemp("http") / "data") as running:
        yield running


@pytest.fixture
def client(server: GuildbankServer) -> Iterator[httpx.Client]:
    """A client with the demo tenant's secret key."""
    with server.client() as lent:
        yield lent
