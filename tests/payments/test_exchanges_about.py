"""What was exchanged about payouts, reports and kept customers is kept as that of payments is."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.house import House
from tests.payments.payout_till import PayoutTill, open_payout_till
from tests.payments.reckoning import reconciled
from tests.payments.web import Web
from tests.servers.lab import LabServer

from guildbank.payments.usecases.exchanges import read_exchanges_about
from guildbank_stripe.plugin import StripeProvider

EARNER = "acct_1LabEarner"
RUN = "SELECT id FROM payments_reconciliation"
KEPT = "SELECT coalesce(string_agg(e::text, ' '), '') FROM payments_exchange AS e"


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=3) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[PayoutTill]:
    plugin = StripeProvider(timeout_seconds=2)
    async with open_payout_till(house, lab, "stripe", plugin, lab.open_stripe) as opened:
        yield opened
    lab.clear()


async def sql(till: PayoutTill, statement: str) -> Any:
    async with till.shop.house.db.begin(till.shop.tenant.schema) as tx:
        return await tx.driver.fetchval(statement)


async def about(till: PayoutTill, what: str) -> list[dict[str, Any]]:
    """Return what the route shows of it."""
    await till.shop.payments.drain()
    async with await Web(till.shop).machine("payments:exchanges") as server:
        answer = await server.get("/v1/exchanges", params={"about": what})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_payout_s_calls_are_kept_under_its_player_s_key(till: PayoutTill):
    earner = await till.earner(account=EARNER)
    payout = await till.pay(earner)
    found = await about(till, payout.id)
    sent = [one for one in found if (one["kind"], one["method"]) == ("provider", "POST")]
    assert [(one["of"], one["path"], one["status"]) for one in sent] == [
        ("stripe", "/v1/transfers", 200)
    ]
    assert sent[0]["answered"]["amount"] == 250
    assert sent[0]["requestId"].startswith("req_")
    # Where it went stands nowhere in clear, and an erasure makes the rest unreadable.
    assert EARNER not in str(found)
    assert EARNER not in await sql(till, KEPT)
    await sql(till, "DELETE FROM identity_person_key")
    assert await about(till, payout.id) == []


async def test_a_report_s_calls_are_kept_under_the_tenant_s_key(till: PayoutTill):
    await till.pay(await till.earner(account=EARNER))
    await reconciled(till.shop, "stripe")
    found = await about(till, await sql(till, RUN))
    assert {one["path"] for one in found} == {"/v1/balance_transactions"}
    assert {one["status"] for one in found} == {200}


async def test_reading_them_is_recorded(till: PayoutTill):
    payout = await till.pay(await till.earner(account=EARNER))
    await about(till, payout.id)
    told = await sql(till, "SELECT count(*) FROM journal_entry WHERE kind LIKE '%exchanges_read'")
    assert told == 1


async def test_what_nobody_knows_has_none(till: PayoutTill):
    assert await about(till, "pyo_01h455vb4pex5vsknk084sn02q") == []


async def test_they_come_in_pages(till: PayoutTill):
    payout = await till.pay(await till.earner(account=EARNER))
    await till.shop.payments.drain()
    shop = till.shop
    whole = await read_exchanges_about(shop.payments, shop.tenant, "app", payout.id, "", 50)
    assert len(whole) >= 1
    first = await read_exchanges_about(shop.payments, shop.tenant, "app", payout.id, "", 1)
    rest = await read_exchanges_about(shop.payments, shop.tenant, "app", payout.id, first[0].id, 50)
    assert [one.id for one in (*first, *rest)] == [one.id for one in whole]
