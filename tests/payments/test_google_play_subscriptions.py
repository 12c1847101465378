"""Subscriptions in Google Play, played by the lab: each paid period credits a pack, once."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.house import House
from tests.payments.google_till import google_till_of
from tests.payments.subscribing import GoogleSubscriptions
from tests.servers.lab import LabServer

ONE = {"paid": 500, "bonus": 50}
TWO = {"paid": 1_000, "bonus": 100}
THREE = {"paid": 1_500, "bonus": 150}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[GoogleSubscriptions]:
    """A shop that Google notifies."""
    async with google_till_of(GoogleSubscriptions, house, lab, notified=True) as opened:
        yield opened


async def test_each_renewal_credits_the_pack_at_what_the_store_took(till: GoogleSubscriptions):
    player, _, bought = await till.subscribed()
    assert await till.is_acknowledged(bought), "else Google gives the money back"
    first_renewal = await till.renew(bought)
    await till.rest()
    await till.renew(bought, price="5.99")
    await till.rest()
    assert first_renewal == f"{bought['order']}..0"
    assert await till.shop.coins(player) == THREE
    assert await till.amounts(player) == [599, 499, 499]
    assert await till.shop.money() == {"provider:google_play": -1_597, "backing": 1_597}
    assert await till.is_proven()


async def test_a_renewal_is_credited_once_whoever_tells_of_it(till: GoogleSubscriptions):
    player, intent, bought = await till.subscribed()
    await till.turn(bought["order"], "webhook", "duplicate", times=0)
    order = await till.renew(bought)
    named = (order, bought["transaction"], order)
    handed = [till.confirm(intent, name) for name in named]
    said = await asyncio.gather(*handed, till.minded(days=31))
    await till.rest()
    await till.sweep(minutes=1)
    assert said[:3] == [None] * 3
    assert await till.shop.coins(player) == TWO
    assert (await till.shop.kinds()).count("credited") == 2
    assert await till.is_proven()


async def test_a_renewal_that_nobody_tells_of_is_found(till: GoogleSubscriptions):
    player, _, bought = await till.subscribed()
    await till.turn("*", "webhook", "unsent", times=2)
    await till.renew(bought)
    await till.renew(bought)
    await till.rest()
    assert await till.shop.coins(player) == ONE
    assert await till.minded(days=31) == 1
    assert await till.shop.coins(player) == THREE
    assert await till.stands(player) == ("active", True)
    assert await till.is_proven()


async def test_a_period_that_is_voided_takes_its_own_coins(till: GoogleSubscriptions):
    player, intent, bought = await till.subscribed()
    order = await till.renew(bought)
    await till.rest()
    await till.turn(order, "webhook", "unsent")
    await till.at_lab("/void", transaction=order)
    await till.rest()
    assert await till.report() == 1
    assert await till.shop.coins(player) == ONE
    assert not await till.refunds(intent)
    newest, _ = await till.payments(player)
    (refund,) = await till.refunds(newest)
    assert (refund.origin, refund.amount_minor) == ("provider", 499)
    assert await till.is_proven()


async def test_a_period_that_the_studio_gives_back_ends_no_subscription(till: GoogleSubscriptions):
    player, _, bought = await till.subscribed()
    await till.renew(bought)
    await till.rest()
    newest, _ = await till.payments(player)
    refund = await till.shop.refunded(newest)
    await till.rest()
    assert refund.state.value == "succeeded"
    assert await till.shop.coins(player) == ONE
    assert await till.stands(player) == ("active", True)


async def test_a_trial_credits_nothing_and_is_kept_and_what_is_paid_after_it_credits(
    till: GoogleSubscriptions,
):
    player = await till.shop.player()
    intent = await till.buy(player)
    bought = await till.subscribe(intent, price="0")
    await till.rest()
    dossier = await till.shop.dossier(intent)
    assert (dossier.intent.state, dossier.intent.problem) == ("captured", "free_period")
    assert await till.is_acknowledged(bought), "else Google ends it in three days"
    await till.renew(bought, price="4.99")
    await till.rest()
    assert await till.shop.coins(player) == ONE
    assert await till.is_proven()


async def test_a_trial_credits_where_the_settings_say_so(house: House, lab: LabServer):
    opening = google_till_of(
        GoogleSubscriptions, house, lab, notified=False, credit_free_periods=True
    )
    async with opening as till:
        player = await till.shop.player()
        intent = await till.buy(player)
        bought = await till.subscribe(intent, price="0")
        await till.confirm(intent, bought["transaction"])
        assert await till.shop.coins(player) == ONE
        assert await till.shop.money() == {}
        assert await till.is_proven()


async def test_how_it_stands_is_shown_and_credits_nothing(till: GoogleSubscriptions):
    player, _, bought = await till.subscribed()
    assert await till.stands(player) == ("active", True)
    for what, stands in (
        ("cancel", ("active", False)),
        ("resume", ("active", True)),
        ("grace", ("grace", True)),
        ("fail", ("retrying", True)),
        ("pause", ("paused", True)),
    ):
        await till.become(bought, what)
        assert await till.stands(player) == stands, what
    assert await till.shop.coins(player) == ONE
    await till.become(bought, "fail")
    await till.renew(bought)
    await till.rest()
    assert await till.shop.coins(player) == TWO, "it was recovered"
    await till.become(bought, "expire")
    assert await till.stands(player) == ("expired", False)


async def test_who_subscribes_anew_has_two_and_the_first_is_over(till: GoogleSubscriptions):
    player, _, bought = await till.subscribed()
    await till.become(bought, "revoke")
    again = await till.buy(player)
    await till.subscribe(again)
    await till.rest()
    assert await till.shop.state(again) == "credited"
    assert await till.shop.coins(player) == TWO
    newest, oldest = await till.shown(player)
    assert (newest["state"], newest["paymentId"]) == ("active", again.id)
    assert oldest["state"] == "expired"


async def test_a_subscription_to_what_sells_no_pack_is_given_back(till: GoogleSubscriptions):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.subscribe(intent, product="example.other")
    await till.rest()
    assert await till.shop.state(intent) == "conflicted"
    assert (await till.attempt(intent)).code == "product_differs"
    assert await till.shop.coins(player) == {}
    assert await till.is_proven()
