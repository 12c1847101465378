"""An economy for each test of the ledger."""

from collections.abc import AsyncIterator

import pytest
from tests.economy import Economy, open_economy


@pytest.fixture
async def economy(cluster_url: str) -> AsyncIterator[Economy]:
    """A tenant without any entry."""
    async with open_economy(cluster_url) as made:
        yield made
