"""One lab for all tests, a merchant at its PayPal, and the address where the merchant listens."""

from collections.abc import AsyncIterator, Iterator

import pytest
from plugins.lab.tests.merchant import Merchant
from tests.servers.canned import Canned
from tests.servers.lab import LabServer


@pytest.fixture(scope="session")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=30) as server:
        yield server


@pytest.fixture
async def merchant(lab: LabServer) -> AsyncIterator[Merchant]:
    async with Canned() as ears, Merchant(lab, ears) as merchant:
        yield merchant
