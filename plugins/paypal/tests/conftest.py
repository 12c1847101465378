"""One lab for all tests of the plugin, and the context in which a tenant calls it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.servers.lab import LabServer

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_paypal.plugin import PayPalProvider

WEBHOOK_URL = "http://127.0.0.1:9/v1/webhooks/demo/paypal"


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.fixture(scope="session")
def context(lab: LabServer) -> Context:
    return Context(
        tenant="demo",
        mode="test",
        settings=lab.open_paypal(WEBHOOK_URL),
        now=datetime.now(UTC),
        webhook_url=WEBHOOK_URL,
        http=DirectHttp(),
    )


@pytest.fixture
def provider() -> PayPalProvider:
    return PayPalProvider(timeout_seconds=2)
