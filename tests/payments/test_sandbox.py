"""The whole purchase against a provider of its own process: real HTTP, real signed webhooks."""

import re
from collections.abc import AsyncIterator, Iterator

import httpx
import msgspec
import pytest
from tests.house import House
from tests.payments.sandbox_till import Till, open_till
from tests.servers.sandbox import SandboxServer

from guildbank.kernel import Refusal
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.read import get_payment

TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), late_seconds=0.2) as running:
        yield running


@pytest.fixture
async def till(house: House, server: SandboxServer) -> AsyncIterator[Till]:
    async with open_till(house, server) as till:
        yield till


async def test_an_instant_payment_credits_and_its_duplicate_webhooks_change_nothing(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player, "instant_duplicate")
    assert intent.state == "credited"

    async def told() -> bool:
        async with till.shop.house.db.begin(till.shop.tenant.schema) as tx:
            return bool(
                await tx.driver.fetchval(
                    "SELECT count(*) > 0 FROM payments_webhook WHERE processed_at IS NOT NULL"
                )
            )

    await till.until(told)
    assert await till.shop.coins(player) == {"paid": 500, "bonus": 50}
    assert (await till.shop.kinds()).count("credited") == 1


@pytest.mark.parametrize("method", ["instant_reordered", "instant_silent"])
async def test_reordered_and_missing_webhooks_come_to_the_same_end(till: Till, method: str):
    player = await till.shop.player()
    intent = await till.buy(player, method)
    assert intent.state == "credited"
    assert await till.shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await till.shop.money() == {"provider:sandbox": -499, "backing": 499}


async def test_a_declined_payment_credits_nothing(till: Till):
    for method, state, problem in (
        ("instant_decline", "requires_payment_method", "declined"),
        ("instant_decline_funds", "requires_payment_method", "insufficient_funds"),
        ("instant_decline_fraud", "failed", "fraud_suspected"),
        ("instant_unavailable", "requires_payment_method", "provider_unavailable"),
        ("no_such_method", "requires_payment_method", "method_not_supported"),
    ):
        intent = await till.buy(await till.shop.player(), method)
        assert (intent.state, intent.problem) == (state, problem)
    assert await till.shop.balances() == {}


async def test_a_person_pays_at_the_checkout_page_and_the_webhook_credits(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player, "checkout")
    assert intent.state == "requires_action"
    (attempt,) = (await till.shop.dossier(intent)).attempts
    action = re.search(r'"url":"([^"]+)"', attempt.action or "")
    assert action is not None
    async with httpx.AsyncClient(trust_env=False) as browser:
        token = TOKEN.search((await browser.get(action[1])).text)
        assert token is not None
        await browser.post(action[1], data={"token": token[1], "decision": "pay"})
    await till.reaches(intent, "credited")
    assert await till.shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_an_answer_that_comes_too_late_is_unknown_until_the_webhook_or_the_poll(till: Till):
    await configure_provider(
        till.shop.payments, till.shop.tenant, "sandbox",
        {**till.settings, "timeout_seconds": 1}, enabled=True,
    )  # fmt: skip
    player = await till.shop.player()
    intent = await till.buy(player, "instant_timeout_silent")
    assert intent.state == "unknown"
    assert await till.shop.balances() == {}
    polled = await get_payment(till.shop.payments, till.shop.tenant, intent.id)
    assert not isinstance(polled, Refusal)
    assert polled.intent.state == "credited"
    told = await till.buy(player, "instant_timeout")
    await till.reaches(told, "credited")
    assert await till.shop.coins(player) == {"paid": 1000, "bonus": 100}


@pytest.mark.parametrize(
    ("method", "money"), [("instant_wrong_amount", "EUR"), ("instant_wrong_currency", "USD")]
)
async def test_another_amount_or_currency_is_conflicted_and_given_back(
    till: Till, method: str, money: str
):
    intent = await till.buy(await till.shop.player(), method)
    await till.reaches(intent, "conflicted")
    await till.shop.payments.drain()
    (refund,) = (await till.shop.dossier(intent)).refunds
    assert (refund.state, refund.money, refund.origin) == ("succeeded", money, "system")
    assert await till.shop.balances() == {}


async def test_refunds_of_ours_and_of_the_providers_staff_share_the_coins(till: Till):
    shop = till.shop
    player = await shop.player()
    intent = await till.buy(player, "instant")
    await shop.refunded(intent, 200)
    assert await shop.coins(player) == {"paid": 300, "bonus": 30}
    reference = await till.reference(intent)
    await till.api("/refunds", {"payment": reference, "amount_minor": 299, "currency": "EUR"})

    async def gone() -> bool:
        return await shop.left() == {}

    await till.until(gone)
    assert [one.origin for one in (await shop.dossier(intent)).refunds] == ["merchant", "provider"]


async def test_a_refund_that_the_bank_declines_restores_the_coins(till: Till):
    shop = till.shop
    player = await shop.player()
    intent = await till.buy(player, "instant")
    await till.api("/refund_switch", {"refunds": "pending"})
    refund = await shop.refunded(intent)
    assert refund.state == "pending"
    assert await shop.coins(player) == {}
    await till.api(f"/refunds/{refund.reference}/settle", {"succeeded": False})

    async def back() -> bool:
        return await shop.coins(player) == {"paid": 500, "bonus": 50}

    await till.until(back)
    assert await shop.money() == {"provider:sandbox": -499, "backing": 499}


async def test_a_dispute_takes_coins_and_a_won_one_brings_them_back(till: Till):
    shop = till.shop
    player = await shop.player()
    intent = await till.buy(player, "instant")
    await shop.spend(player, 60)
    before = await shop.left()
    dispute = await till.api("/disputes", {"payment": await till.reference(intent)})
    await till.api(f"/disputes/{dispute['id']}/withdraw")

    async def aside() -> bool:
        return await shop.coins(player) == {} and (await shop.money())["suspense"] < 0

    await till.until(aside)
    await till.api(f"/disputes/{dispute['id']}/close", {"won": True})

    async def restored() -> bool:
        disputes = (await shop.dossier(intent)).disputes
        return await shop.left() == before and disputes[0].state == "won"

    await till.until(restored)


async def test_a_live_tenant_refuses_the_sandbox(till: Till):
    live = msgspec.structs.replace(till.shop.tenant, mode="live")
    made = await configure_provider(
        till.shop.payments, live, "sandbox", till.settings, enabled=True
    )
    assert isinstance(made, Refusal)
    assert made.code == "sandbox_refused"
    till.shop.tenant = live
    refused = await till.shop.try_buying(await till.shop.player(), provider="sandbox")
    assert isinstance(refused, Refusal)
    assert refused.code == "sandbox_refused"
