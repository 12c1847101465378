"""Subscriptions in Apple's App Store, played by the lab: each paid period credits a pack."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.house import House
from tests.payments.apple_till import PRODUCT
from tests.payments.shop import Shop, open_shop
from tests.payments.subscribing import AppleSubscriptions
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_appstore.plugin import AppStoreProvider

ONE = {"paid": 500, "bonus": 50}
TWO = {"paid": 1_000, "bonus": 100}
THREE = {"paid": 1_500, "bonus": 150}
FREE = {"price": 0}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


async def opened(
    shop: Shop, lab: LabServer, hook: str | None, **settings: object
) -> AppleSubscriptions:
    products = [{"pack": shop.pack, "product": PRODUCT}]
    account = await asyncio.to_thread(lab.open_apple, hook, products)
    made = await configure_provider(
        shop.payments, shop.tenant, "app_store", {**account, **settings}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    return AppleSubscriptions(shop, lab, account)


@pytest.fixture
async def shop(house: House) -> AsyncIterator[Shop]:
    plugin = AppStoreProvider(timeout_seconds=2)
    shop = await open_shop(house, spent_coins="debt", plugins=(("app_store", plugin),))
    yield shop
    await shop.payments.close()


@pytest.fixture
async def till(shop: Shop, lab: LabServer) -> AppleSubscriptions:
    """A shop that hears of nothing but what the app, the history and the subscription tell."""
    return await opened(shop, lab, None)


@pytest.fixture
async def hearing(shop: Shop, lab: LabServer) -> AsyncIterator[AppleSubscriptions]:
    """A shop that Apple notifies."""
    async with served(Web(shop)) as url:
        hook = f"{url}/v1/webhooks/{shop.tenant.slug}/app_store"
        yield await opened(shop, lab, hook)


async def test_each_renewal_credits_the_pack_at_what_the_store_took(hearing: AppleSubscriptions):
    player, _, first = await hearing.subscribed(price=4_990)
    assert await hearing.shop.coins(player) == ONE
    await hearing.renew(first)
    await hearing.rest()
    await hearing.renew(first, price=5_990)
    await hearing.rest()
    assert await hearing.shop.coins(player) == THREE
    assert await hearing.amounts(player) == [599, 499, 499]
    assert await hearing.shop.money() == {"provider:app_store": -1_597, "backing": 1_597}
    assert await hearing.is_proven()


async def test_a_renewal_is_credited_once_whoever_tells_of_it(hearing: AppleSubscriptions):
    player, intent, first = await hearing.subscribed()
    await hearing.turn(first, "webhook", "duplicate")
    renewal = await hearing.renew(first)
    signed = {"signed_transaction": renewal["signed_transaction"]}
    handed = [hearing.confirm(intent, signed) for _ in range(3)]
    said = await asyncio.gather(*handed, hearing.report(), hearing.minded(days=31))
    await hearing.rest()
    await hearing.sweep(minutes=1)
    assert said[:3] == [None] * 3
    assert await hearing.confirm(intent, signed) is None
    assert await hearing.shop.coins(player) == TWO
    assert (await hearing.shop.kinds()).count("credited") == 2
    assert await hearing.is_proven()


async def test_a_renewal_whose_notification_is_lost_for_ever_is_found(hearing: AppleSubscriptions):
    player, _, first = await hearing.subscribed()
    await hearing.turn(first, "webhook", "never_told", times=2)
    await hearing.renew(first)
    await hearing.renew(first)
    await hearing.rest()
    assert await hearing.report() == 0
    assert await hearing.shop.coins(player) == ONE
    assert await hearing.minded(days=31) == 1
    assert await hearing.shop.coins(player) == THREE
    assert await hearing.minded(minutes=1) == 0, "it is asked again when the next period is over"
    assert await hearing.is_proven()


async def test_periods_told_of_out_of_order_are_all_credited(till: AppleSubscriptions):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.subscribe(intent)
    renewals = [await till.renew(bought["transaction"]) for _ in "12"]
    for told in (renewals[1], bought, renewals[0]):
        await till.confirm(intent, {"transaction": told["transaction"]})
    assert await till.shop.coins(player) == THREE
    (shown,) = await till.shown(player)
    assert (shown["state"], shown["renews"]) == ("active", True)
    assert await till.is_proven()


async def test_a_refund_takes_the_coins_of_its_own_period(hearing: AppleSubscriptions):
    player, intent, first = await hearing.subscribed()
    second = (await hearing.renew(first))["transaction"]
    await hearing.rest()
    await hearing.renew(first)
    await hearing.rest()
    await hearing.at_lab("/refund", transaction=second)
    await hearing.rest()
    assert await hearing.shop.coins(player) == TWO
    assert not await hearing.refunds(intent)
    newest, middle, oldest = await hearing.payments(player)
    assert [one.taken_paid for one in (newest, middle, oldest)] == [0, 500, 0]
    assert oldest.id == intent.id
    assert await hearing.is_proven()


async def test_a_refund_that_is_heard_of_before_its_renewal_leaves_all_others(
    hearing: AppleSubscriptions,
):
    player, intent, first = await hearing.subscribed()
    await hearing.turn(first, "webhook", "never_told", times=1)
    whole = (await hearing.renew(first))["transaction"]
    await hearing.at_lab("/refund", transaction=whole)
    await hearing.turn(first, "webhook", "never_told", times=1)
    part = (await hearing.renew(first))["transaction"]
    await hearing.at_lab("/refund", transaction=part, percentage=50_000)
    await hearing.rest()
    assert not await hearing.refunds(intent)
    assert await hearing.shop.coins(player) == {"paid": 750, "bonus": 75}
    assert await hearing.is_proven()


async def test_a_trial_credits_nothing_and_says_so_and_what_is_paid_after_it_does(
    hearing: AppleSubscriptions,
):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    first = (await hearing.subscribe(intent, **FREE))["transaction"]
    await hearing.rest()
    dossier = await hearing.shop.dossier(intent)
    assert (dossier.intent.state, dossier.intent.problem) == ("captured", "free_period")
    assert await hearing.shop.coins(player) == {}
    assert (await hearing.shown(player))[0]["state"] == "active"
    await hearing.renew(first, price=4_990)
    await hearing.renew(first, price=0)
    await hearing.rest()
    assert await hearing.shop.coins(player) == ONE
    assert await hearing.amounts(player) == [499, 499]
    assert (await hearing.shop.kinds()).count("free_period") == 1
    assert await hearing.is_proven()


async def test_a_trial_credits_where_the_settings_say_so_with_no_money_behind_it(
    shop: Shop, lab: LabServer
):
    till = await opened(shop, lab, None, credit_free_periods=True)
    player = await shop.player()
    intent = await till.buy(player)
    bought = await till.subscribe(intent, **FREE)
    await till.confirm(intent, {"transaction": bought["transaction"]})
    assert await shop.state(intent) == "credited"
    assert await shop.coins(player) == ONE
    assert await shop.money() == {}
    assert await till.is_proven()


async def test_how_it_stands_is_shown_and_credits_nothing(hearing: AppleSubscriptions):
    player, intent, first = await hearing.subscribed()
    shown = await hearing.stands(player)
    assert shown == ("active", True)
    (row,) = await hearing.shown(player)
    assert (row["provider"], row["packId"]) == ("app_store", hearing.shop.pack)
    assert row["paymentId"] == intent.id
    for what, stands in (
        ("cancel", ("active", False)),
        ("resume", ("active", True)),
        ("grace", ("grace", True)),
        ("fail", ("retrying", True)),
        ("expire", ("expired", False)),
    ):
        await hearing.at_lab("/become", original=first, what=what)
        await hearing.rest()
        assert await hearing.stands(player) == stands, what
    assert await hearing.shop.coins(player) == ONE
    assert (await hearing.shop.kinds()).count("subscription_changed") == 5


async def test_what_is_paid_after_grace_is_credited(hearing: AppleSubscriptions):
    player, _, first = await hearing.subscribed()
    await hearing.at_lab("/become", original=first, what="grace")
    await hearing.renew(first)
    await hearing.rest()
    assert await hearing.shop.coins(player) == TWO
    assert await hearing.stands(player) == ("active", True)


async def test_who_takes_it_up_again_is_credited_by_a_payment_of_their_own(
    hearing: AppleSubscriptions,
):
    player, _, first = await hearing.subscribed()
    await hearing.at_lab("/become", original=first, what="expire")
    again = await hearing.buy(player)
    await hearing.subscribe(again, original=first)
    await hearing.rest()
    assert await hearing.shop.state(again) == "credited"
    assert await hearing.shop.coins(player) == TWO
    (row,) = await hearing.shown(player)
    assert (row["state"], row["renews"], row["paymentId"]) == ("active", True, again.id)


async def test_an_upgrade_and_what_renews_it_credit_the_other_pack(hearing: AppleSubscriptions):
    player, _, first = await hearing.subscribed()
    big = await hearing.add_pack("example.gems.1200", coins=1_200)
    bigger = await hearing.buy(player, product_id=big)
    await hearing.subscribe(bigger, original=first, price=9_990)
    await hearing.rest()
    assert await hearing.shop.coins(player) == {"paid": 1_700, "bonus": 50}
    await hearing.renew(first)
    await hearing.rest()
    assert await hearing.shop.coins(player) == {"paid": 2_900, "bonus": 50}
    assert (await hearing.shown(player))[0]["packId"] == big
    assert await hearing.is_proven()


async def test_a_renewal_as_another_product_credits_that_one(hearing: AppleSubscriptions):
    player, _, first = await hearing.subscribed()
    small = await hearing.add_pack("example.gems.100", coins=100)
    await hearing.at_lab("/become", original=first, what="downgrade", product="example.gems.100")
    await hearing.rest()
    assert await hearing.shop.coins(player) == ONE, "it holds from the next period on"
    await hearing.renew(first, price=990)
    await hearing.rest()
    assert await hearing.shop.coins(player) == {"paid": 600, "bonus": 50}
    newest, _ = await hearing.payments(player)
    assert (newest.product_id, newest.amount_minor, newest.state) == (small, 99, "credited")


async def test_a_renewal_as_a_product_that_sells_no_pack_is_booked_aside(
    hearing: AppleSubscriptions,
):
    player, _, first = await hearing.subscribed()
    await hearing.at_lab("/become", original=first, what="downgrade", product="example.other")
    await hearing.renew(first)
    await hearing.rest()
    newest, _ = await hearing.payments(player)
    assert newest.state == "conflicted"
    assert await hearing.shop.coins(player) == ONE
    assert await hearing.is_proven()


async def test_what_a_family_shares_credits_nobody(hearing: AppleSubscriptions):
    player = await hearing.shop.player()
    intent = await hearing.buy(player)
    bought = await hearing.subscribe(intent, shared=True)
    refused = await hearing.confirm(intent, {"transaction": bought["transaction"]})
    await hearing.rest()
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.extra["reason"]) == ("confirmation_refused", "family_shared")
    assert await hearing.shop.coins(player) == {}
    assert not await hearing.problems()


async def test_an_erased_player_s_renewal_is_booked_aside(hearing: AppleSubscriptions):
    player, _, first = await hearing.subscribed()
    await hearing.erase(player)
    await hearing.renew(first)
    await hearing.rest()
    assert await hearing.shop.coins(player) == ONE
    money = await hearing.shop.money()
    assert money == {"provider:app_store": -998, "backing": 499, "unapplied": 499}
    assert await hearing.is_proven()


async def test_a_store_that_is_silent_is_asked_again(till: AppleSubscriptions):
    player, _, first = await till.subscribed()
    await till.renew(first)
    await till.turn(first, "get", "error_before", times=0)
    assert await till.minded(days=31) == 1
    assert await till.shop.coins(player) == ONE
    await till.clear_switches()
    assert await till.minded(hours=7) == 1
    assert await till.shop.coins(player) == TWO
