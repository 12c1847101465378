"""Only a store's price may differ from ours: what others take for another sum is never credited."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import MANIFEST, Scripted, processed
from tests.payments.shop import SECRET, Shop, open_shop

from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import EventKind, Outcome, OutcomeStatus

BOUGHT = {"paid": 500, "bonus": 50}
TEST = Outcome(status=OutcomeStatus.PROCESSED, amount_minor=0, currency="EUR", is_test=True)


class Mall:
    """A shop that sells by a store, and by a provider that is none, each saying what it is told."""

    def __init__(self, shop: Shop, store: Scripted) -> None:
        self.shop = shop
        self.scripts = {"store": store, "scripted": shop.script}

    async def sell(self, by: str, says: Outcome) -> tuple[Intent, str]:
        """Return a payment at which a provider said so, and its player."""
        self.scripts[by].on_create = says
        player = await self.shop.player()
        bought = await self.shop.buy(player, provider=by)
        await self.shop.payments.drain()
        return (await self.shop.dossier(bought)).intent, player

    async def is_proven(self) -> bool:
        return (await prove(self.shop.house.db, self.shop.tenant.schema)).ok


@pytest.fixture
async def mall(house: House) -> AsyncIterator[Mall]:
    store = Scripted(msgspec.structs.replace(MANIFEST, id="store", sold_by_store=True))
    shop = await open_shop(house, spent_coins="debt", plugins=(("store", store),))
    made = await configure_provider(
        shop.payments, shop.tenant, "store", {"secret": SECRET}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    yield Mall(shop, store)
    await shop.payments.close()


async def test_what_a_store_took_is_the_price(mall: Mall):
    intent, player = await mall.sell("store", processed(600, "JPY"))
    assert (intent.state, intent.amount_minor, intent.money) == ("credited", 600, "JPY")
    assert await mall.shop.coins(player) == BOUGHT
    assert await mall.shop.money("JPY") == {"provider:store": -600, "backing": 600}
    assert await mall.is_proven()


async def test_what_others_took_for_another_price_is_not(mall: Mall):
    intent, player = await mall.sell("scripted", processed(600, "JPY"))
    assert (intent.state, intent.amount_minor, intent.money) == ("conflicted", 499, "EUR")
    assert await mall.shop.coins(player) == {}
    assert await mall.is_proven()


@pytest.mark.parametrize("by", ["store", "scripted"])
async def test_money_for_something_else_credits_nothing(mall: Mall, by: str):
    other = msgspec.structs.replace(processed(499), conflict="product_differs")
    intent, player = await mall.sell(by, other)
    assert intent.state == "conflicted"
    assert await mall.shop.coins(player) == {}
    assert (await mall.shop.dossier(intent)).attempts[0].code == "product_differs"
    assert await mall.is_proven()


async def test_a_test_in_a_store_credits_coins_with_nothing_behind_them(mall: Mall):
    intent, player = await mall.sell("store", TEST)
    assert (intent.state, intent.amount_minor) == ("credited", 0)
    assert await mall.shop.coins(player) == BOUGHT
    assert await mall.shop.money() == {}
    assert (await mall.shop.dossier(intent)).attempts[0].code == "test_purchase"
    assert await mall.is_proven()


async def test_coins_of_a_test_can_be_spent_and_the_books_stand(mall: Mall):
    _, player = await mall.sell("store", TEST)
    await mall.shop.spend(player, 120)
    assert await mall.is_proven()


async def test_a_test_of_something_else_credits_nothing(mall: Mall):
    other = msgspec.structs.replace(TEST, conflict="product_differs")
    intent, player = await mall.sell("store", other)
    assert intent.state == "conflicted"
    assert await mall.shop.coins(player) == {}
    assert await mall.shop.money() == {}


@pytest.mark.parametrize(
    ("by", "says"),
    [
        ("scripted", TEST),
        ("scripted", processed(0)),
        ("store", msgspec.structs.replace(processed(499), is_test=True)),
        ("store", processed(-1)),
    ],
)
async def test_a_success_that_may_not_be_said_is_none(mall: Mall, by: str, says: Outcome):
    intent, player = await mall.sell(by, says)
    assert intent.state == "unknown"
    assert await mall.shop.coins(player) == {}


async def test_a_refund_of_a_test_takes_nothing(mall: Mall):
    intent, player = await mall.sell("store", TEST)
    attempt = (await mall.shop.dossier(intent)).attempts[0]
    refused = await mall.shop.refund(intent)
    assert isinstance(refused, Refusal)
    assert attempt.applied == "credited"
    assert await mall.shop.coins(player) == BOUGHT
    assert await mall.is_proven()


async def test_an_event_without_a_refund_s_name_has_each_one_asked_about(mall: Mall):
    intent, player = await mall.sell("scripted", processed(499))
    refund = await mall.shop.refunded(intent)
    assert await mall.shop.coins(player) == {}
    script, attempt = mall.shop.script, (await mall.shop.dossier(intent)).attempts[0]
    script.refund_stands[refund.id] = Outcome(status=OutcomeStatus.CANCELED, code="reversed")
    await mall.shop.event(EventKind.REFUND, attempt_id=attempt.id)
    assert (await mall.shop.dossier(intent)).refunds[0].state == "failed"
    assert await mall.shop.coins(player) == BOUGHT
    assert await mall.is_proven()
