"""One lab for all tests of the plugin, and the context in which a tenant calls it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.servers.lab import LabServer

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_steampay.plugin import SteamWalletProvider


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.fixture(scope="session")
def context(lab: LabServer) -> Context:
    return context_of(lab)


def context_of(lab: LabServer) -> Context:
    return Context(
        tenant="demo",
        mode="test",
        settings=lab.open_steam(),
        now=datetime.now(UTC),
        webhook_url="http://127.0.0.1:9/v1/webhooks/demo/steam_wallet",
        http=DirectHttp(),
    )


@pytest.fixture
def provider() -> SteamWalletProvider:
    return SteamWalletProvider(timeout_seconds=2)
