"""One lab for all tests of the plugin, and the context in which a tenant calls it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.servers.lab import LabServer

from guildbank.plugin_api import Context
from guildbank.plugin_api.conformance import DirectHttp
from guildbank_googleplay.rehearsal import PACK, PRODUCT

WEBHOOK = "http://127.0.0.1:9/v1/webhooks/demo/google_play"
"""Where nobody listens: what the lab pushes by itself is lost."""


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as server:
        yield server


@pytest.fixture(scope="session")
def at_lab(lab: LabServer) -> Context:
    return Context(
        tenant="demo",
        mode="test",
        settings=lab.open_google(WEBHOOK, [{"pack": PACK, "product": PRODUCT}]),
        now=datetime.now(UTC),
        webhook_url=WEBHOOK,
        http=DirectHttp(),
    )
