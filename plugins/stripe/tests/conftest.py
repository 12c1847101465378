"""One localstripe for all tests of the plugin, and the context in which a tenant calls it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.servers.localstripe import LocalStripe

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_stripe.plugin import StripeProvider


@pytest.fixture(scope="session")
def localstripe() -> Iterator[LocalStripe]:
    with LocalStripe() as server:
        yield server


@pytest.fixture(scope="session")
def context(localstripe: LocalStripe) -> Context:
    return Context(
        tenant="demo",
        mode="test",
        settings=localstripe.settings(),
        now=datetime.now(UTC),
        webhook_url="http://127.0.0.1:8080/v1/webhooks/demo/stripe",
        http=DirectHttp(),
    )


@pytest.fixture
def provider() -> StripeProvider:
    return StripeProvider(timeout_seconds=5)
