"""One provider process for all tests of the plugin; each test has an account of its own."""

from collections.abc import Iterator

import pytest
from plugins.sandbox.tests.shop import Receiver, Shop
from tests.servers.sandbox import SandboxServer


@pytest.fixture(scope="session")
def provider_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox")) as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().listening() as listening:
        yield listening


@pytest.fixture
def shop(provider_server: SandboxServer, receiver: Receiver) -> Iterator[Shop]:
    shop = Shop(provider_server, receiver)
    with shop.http:
        yield shop
