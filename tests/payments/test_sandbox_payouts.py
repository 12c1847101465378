"""Payouts by the sandbox end by its webhooks: paid, failed and returned later, in any order."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.house import House
from tests.payments.payout_till import PayoutTill, open_payout_till
from tests.payments.reckoning import reconciled
from tests.servers.sandbox import SandboxServer

from guildbank_sandbox.plugin import SandboxProvider


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), late_seconds=0.3) as running:
        yield running


@pytest.fixture
async def till(house: House, server: SandboxServer) -> AsyncIterator[PayoutTill]:
    plugin = SandboxProvider()
    async with open_payout_till(
        house, None, "sandbox", plugin, lambda _: server.open_account()
    ) as opened:
        yield opened


async def test_what_becomes_of_a_payout_later_is_heard_without_a_look(till: PayoutTill):
    ends = {
        "later": ("pending", "paid", 500),
        "fails": ("pending", "failed", 1_000),
        "bounces": ("paid", "returned", 1_000),
    }
    earners = {account: await till.earner(account=account) for account in ends}
    payouts = {account: await till.pay(earner) for account, earner in earners.items()}
    for account, (first, last, coins) in ends.items():
        assert payouts[account].state == first
        await till.reaches(payouts[account], last)
        assert await till.coins(earners[account]) == coins
    assert await till.shop.money() == {"provider:sandbox": 250, "payout_cost": -250}
    assert await till.holds()
    lines = await reconciled(till.shop, "sandbox")
    assert {(one.state, one.gross_minor, one.payout) for one in lines} == {
        ("matched", -250, payouts["later"].id),
        ("matched", -250, payouts["bounces"].id),
        ("matched", 250, payouts["bounces"].id),
    }
