"""What Apple gives back takes the coins, what it takes back again restores them, and Apple is told
how much was used, if the player agreed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.apple_till import PRODUCT, AppleTill
from tests.payments.shop import open_shop
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_appstore.plugin import AppStoreProvider

BOUGHT = {"paid": 500, "bonus": 50}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[AppleTill]:
    """A shop that Apple notifies, in which spent coins become a debt."""
    shop = await open_shop(
        house, spent_coins="debt", plugins=(("app_store", AppStoreProvider(timeout_seconds=2)),)
    )
    async with served(Web(shop)) as url:
        hook = f"{url}/v1/webhooks/{shop.tenant.slug}/app_store"
        products = [{"pack": shop.pack, "product": PRODUCT}]
        settings = await asyncio.to_thread(lab.open_apple, hook, products)
        made = await configure_provider(
            shop.payments, shop.tenant, "app_store", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        yield AppleTill(shop, lab, settings)
    await shop.payments.close()


async def test_a_refund_of_apple_s_takes_the_coins_once(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player)
    await till.turn(transaction, "webhook", "duplicate")
    await till.at_lab("/refund", transaction=transaction)
    await till.rest()
    await till.report()
    (refund,) = await till.refunds(intent)
    assert (refund.state.value, refund.origin, refund.amount_minor, refund.reason) == (
        "succeeded", "provider", 499, "refunded_for_other_reason",
    )  # fmt: skip
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}
    assert await till.is_proven()


async def test_coins_that_were_spent_are_owed(till: AppleTill):
    player = await till.shop.player()
    _, transaction = await till.paid(player)
    await till.shop.spend(player, 100)
    await till.at_lab("/refund", transaction=transaction)
    await till.rest()
    assert await till.shop.coins(player) == {"debt": -100}
    assert await till.is_proven()


async def test_a_part_that_is_refunded_takes_its_part(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player, price=10_000)
    await till.at_lab("/refund", transaction=transaction, percentage=40_000)
    await till.rest()
    (refund,) = await till.refunds(intent)
    assert refund.amount_minor == 400
    assert await till.shop.coins(player) == {"paid": 300, "bonus": 30}
    assert await till.is_proven()


async def test_a_refund_in_another_money_is_of_what_was_paid(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player, price=600_000, currency="JPY")
    await till.at_lab("/refund", transaction=transaction)
    await till.rest()
    (refund,) = await till.refunds(intent)
    assert (refund.amount_minor, refund.money) == (600, "JPY")
    assert await till.shop.money("JPY") == {}
    assert await till.is_proven()


async def test_a_refund_that_is_reversed_gives_the_coins_again(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player)
    await till.at_lab("/refund", transaction=transaction)
    await till.rest()
    assert await till.shop.coins(player) == {}
    await till.at_lab("/reverse", transaction=transaction)
    await till.rest()
    (refund,) = await till.refunds(intent)
    assert (refund.state.value, refund.code) == ("failed", "reversed")
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == {"provider:app_store": -499, "backing": 499}
    assert await till.is_proven()


async def test_a_reversed_refund_can_be_refunded_again(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player)
    for path in ("/refund", "/reverse", "/refund"):
        await till.at_lab(path, transaction=transaction)
        await till.rest()
    assert [one.state.value for one in await till.refunds(intent)] == ["failed", "succeeded"]
    assert await till.shop.coins(player) == {}
    assert await till.is_proven()


async def test_a_reversal_whose_refund_never_came_changes_nothing(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player)
    await till.turn(transaction, "webhook", "reordered")
    await till.at_lab("/refund", transaction=transaction)
    await till.at_lab("/reverse", transaction=transaction)
    await till.rest()
    assert await till.refunds(intent) == []
    assert await till.shop.coins(player) == BOUGHT
    assert await till.problems() == []


async def test_a_lost_refund_is_found_in_the_history(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player)
    await till.report()
    await till.turn(transaction, "webhook", "unsent")
    await till.at_lab("/refund", transaction=transaction)
    await till.rest()
    assert await till.refunds(intent) == []
    assert await till.report() == 1
    assert await till.shop.coins(player) == {}


async def test_a_refund_that_was_declined_moves_nothing(till: AppleTill):
    player = await till.shop.player()
    intent, transaction = await till.paid(player)
    await till.at_lab("/tell", transaction=transaction, kind="REFUND_DECLINED")
    await till.rest()
    assert await till.refunds(intent) == []
    assert await till.shop.coins(player) == BOUGHT


async def test_nobody_but_apple_gives_money_back(till: AppleTill):
    player = await till.shop.player()
    intent, _ = await till.paid(player)
    refund = await till.shop.refunded(intent)
    assert (refund.state.value, refund.code) == ("failed", "only_apple_refunds")
    assert await till.shop.coins(player) == BOUGHT
    assert await till.is_proven()


@pytest.mark.parametrize(("spent", "percentage"), [(0, 0), (110, 20_000), (550, 100_000)])
async def test_apple_is_told_how_much_was_used_if_the_player_agreed(
    till: AppleTill, spent: int, percentage: int
):
    player = await till.shop.player()
    intent = await till.buy(player, method="storekit_usage")
    transaction = (await till.in_store(intent))["transaction"]
    await till.rest()
    if spent:
        await till.shop.spend(player, spent)
    entries = await till.shop.kinds()
    await till.at_lab("/tell", transaction=transaction, kind="CONSUMPTION_REQUEST")
    await till.rest()
    told = (await till.at_lab("/heard", transaction=transaction))["consumption"]
    assert told == {
        "customerConsented": True,
        "sampleContentProvided": False,
        "deliveryStatus": "DELIVERED",
        "consumptionPercentage": percentage,
    }
    # Counting stores nothing.
    assert await till.shop.kinds() == entries


async def test_without_the_player_s_agreement_apple_is_told_nothing(till: AppleTill):
    player = await till.shop.player()
    _, transaction = await till.paid(player)
    await till.at_lab("/tell", transaction=transaction, kind="CONSUMPTION_REQUEST")
    await till.rest()
    assert (await till.at_lab("/heard", transaction=transaction))["consumption"] is None
    assert await till.problems() == []


async def test_apple_is_told_later_when_it_does_not_answer(till: AppleTill):
    player = await till.shop.player()
    intent = await till.buy(player, method="storekit_usage")
    transaction = (await till.in_store(intent))["transaction"]
    await till.rest()
    await till.turn(transaction, "patch", "error_before")
    await till.at_lab("/tell", transaction=transaction, kind="CONSUMPTION_REQUEST")
    await till.rest()
    assert (await till.at_lab("/heard", transaction=transaction))["consumption"] is None
    till.shop.clock.by += timedelta(seconds=2)
    assert await till.sweep() == 1
    assert (await till.at_lab("/heard", transaction=transaction))["consumption"] is not None
