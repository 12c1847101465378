"""Refunds take the purchase's own coins and give exact money back, or leave all as it was."""

import pytest
from tests.payments.scripted import DECLINED, PENDING, Lost, processed
from tests.payments.shop import Shop

from guildbank.kernel import Refusal
from guildbank.plugin_api import EventKind
from guildbank.store import Price


def refused(outcome: object) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


async def test_a_full_refund_leaves_nothing_behind(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    refund = await shop.refunded(intent)
    assert (refund.state, refund.amount_minor) == ("succeeded", 499)
    assert await shop.coins(player) == {}
    assert await shop.money() == {}
    assert refused(await shop.refund(intent)) == "payment_not_refundable"


async def test_partial_refunds_sum_to_all_coins_and_all_money(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    # 500 coins and 50 bonus for 499 minor units; after 166 of them: floor(500*166/499) = 166.
    seen = []
    for minor in (166, 166, 167):
        await shop.refunded(intent, minor)
        seen.append((await shop.coins(player), await shop.money()))
    assert seen == [
        ({"paid": 334, "bonus": 34}, {"provider:scripted": -333, "backing": 333}),
        ({"paid": 168, "bonus": 17}, {"provider:scripted": -167, "backing": 167}),
        ({}, {}),
    ]


async def test_what_rounding_leaves_is_written_off_and_comes_back(shop: Shop):
    pack = await shop.save(coins=1, bonus=0, prices=(Price(100, "EUR"),))
    player = await shop.player()
    intent = await shop.buy(player, product_id=pack.id)
    await shop.refunded(intent, 50)
    assert await shop.coins(player) == {"paid": 1}
    assert await shop.money() == {"provider:scripted": -50, "backing": 100, "written_off": -50}
    await shop.refunded(intent, 50)
    assert await shop.left() == {}


async def test_rounding_is_for_the_player_until_the_last_part_takes_the_coins(shop: Shop):
    pack = await shop.save(coins=10, bonus=0, prices=(Price(499, "EUR"),))
    player = await shop.player()
    intent = await shop.buy(player, product_id=pack.id)
    await shop.refunded(intent, 49)
    assert await shop.coins(player) == {"paid": 10}
    assert await shop.money() == {"provider:scripted": -450, "backing": 499, "written_off": -49}
    await shop.refunded(intent, 450)
    assert await shop.left() == {}


async def test_the_same_key_refunds_once(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    first = await shop.refund(intent, 100, "r1")
    again = await shop.refund(intent, 100, "r1")
    assert not isinstance(first, Refusal)
    assert not isinstance(again, Refusal)
    assert first.id == again.id
    assert len(shop.script.refund_requests) == 1
    assert refused(await shop.refund(intent, 101, "r1")) == "key_reused"
    assert await shop.money() == {"provider:scripted": -399, "backing": 399}


async def test_never_more_than_was_captured(shop: Shop):
    intent = await shop.buy(await shop.player())
    assert refused(await shop.refund(intent, 500)) == "exceeds_refundable"
    shop.script.on_refund = PENDING
    await shop.refunded(intent, 400)
    assert refused(await shop.refund(intent, 100)) == "exceeds_refundable"
    assert (await shop.refunded(intent, 99)).state == "pending"


async def test_a_payment_without_money_cannot_be_refunded(shop: Shop):
    shop.script.on_create = DECLINED
    intent = await shop.buy(await shop.player())
    assert refused(await shop.refund(intent)) == "payment_not_refundable"


async def test_spent_coins_bar_a_refund_where_the_tenant_says_so(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)  # 50 bonus first, then 100 paid
    assert refused(await shop.refund(intent)) == "refund_exceeds_unspent"
    assert await shop.coins(player) == {"paid": 400}
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}


async def test_spent_coins_become_a_debt_that_the_next_purchase_pays(lenient_shop: Shop):
    shop = lenient_shop
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    await shop.refunded(intent)
    assert await shop.coins(player) == {"debt": -150}
    # The last 400 coins of the lot had cost 499 - floor(499*100/500) = 400; 99 are the house's.
    assert await shop.money() == {"backing": 99, "written_off": -99}
    await shop.buy(player)
    assert await shop.coins(player) == {"paid": 350, "bonus": 50}


async def test_a_declined_refund_leaves_no_trace_in_the_balances(lenient_shop: Shop):
    shop = lenient_shop
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 60)
    before = await shop.left()
    shop.script.on_refund = DECLINED
    await shop.refunded(intent, 30)
    await shop.refunded(intent)
    after = await shop.left()
    assert after == before
    shop.script.on_refund = None
    await shop.refunded(intent)
    assert await shop.coins(player) == {"debt": -60}
    assert await shop.money() == {"backing": 9, "written_off": -9}


async def test_a_debt_that_was_paid_meanwhile_comes_back_as_free_coins(lenient_shop: Shop):
    shop = lenient_shop
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 550)
    shop.script.on_refund = PENDING
    refund = await shop.refunded(intent)
    await shop.buy(player)
    assert await shop.coins(player) == {}
    shop.script.refund_stands[refund.id] = DECLINED
    await shop.event(EventKind.REFUND, attempt_id=refund.attempt_id, refund_id=refund.id)
    assert await shop.coins(player) == {"free": 550}
    assert await shop.money() == {"provider:scripted": -998, "backing": 998}


async def test_a_lost_refund_is_asked_for_and_never_paid_twice(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    shop.script.on_refund = Lost()
    refund = await shop.refunded(intent)
    assert refund.state == "unknown"
    assert await shop.money() == {"provider:scripted": -499, "refunding": 499}
    shop.script.refund_stands[refund.id] = processed(499, reference="re_found")
    shop.script.on_refund = None
    assert await shop.later(minutes=1) == 1
    assert await shop.left() == {}
    assert len(shop.script.refund_requests) == 1


async def test_a_refund_that_never_arrived_is_sent_again_as_it_was(shop: Shop):
    intent = await shop.buy(await shop.player())
    shop.script.on_refund = Lost()
    await shop.refunded(intent)
    shop.script.on_refund = None
    assert await shop.later(minutes=1) == 1
    first, second = shop.script.refund_requests
    assert first == second
    assert await shop.left() == {}


async def test_after_the_provider_forgot_the_key_a_lost_refund_is_not_sent_again(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    shop.script.on_refund = Lost()
    await shop.refunded(intent)
    assert await shop.later(hours=21) == 1
    assert len(shop.script.refund_requests) == 1
    assert (await shop.dossier(intent)).refunds[0].state == "failed"
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_a_refund_that_the_bank_sent_back_restores_everything(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    refund = await shop.refunded(intent, 250)
    shop.script.refund_stands[refund.id] = DECLINED
    await shop.event(EventKind.REFUND, attempt_id=refund.attempt_id, refund_id=refund.id)
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}
    await shop.refunded(intent)
    assert await shop.left() == {}


async def test_a_refund_made_at_the_providers_own_dashboard_is_booked(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 530)  # 50 bonus, 480 paid: the tenant refuses, but the money is gone
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.refund_stands["re_dash"] = processed(100, reference="re_dash")
    said = {"attempt_id": attempt.id, "refund_reference": "re_dash"}
    await shop.event(EventKind.REFUND, **said)
    await shop.event(EventKind.REFUND, **said)
    # Due: floor(500*100/499) = 100 paid and 10 bonus; 20 paid are unspent, 80 + 10 are owed.
    assert await shop.coins(player) == {"debt": -90}
    # The last 20 coins had cost 499 - floor(499*480/500) = 20.
    assert await shop.money() == {
        "provider:scripted": -399, "backing": 479, "written_off": -80,
    }  # fmt: skip
    (refund,) = (await shop.dossier(intent)).refunds
    assert (refund.origin, refund.state, refund.amount_minor) == ("provider", "succeeded", 100)
    assert refused(await shop.refund(intent, 400)) == "exceeds_refundable"


async def test_coins_of_a_reversed_spend_can_be_refunded_at_their_own_price(lenient_shop: Shop):
    shop = lenient_shop
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.refunded(intent, 100)
    shop.script.on_refund = DECLINED
    for minor in (1, 57, 399):
        await shop.refunded(intent, minor)
    shop.script.on_refund = None
    for minor in (1, 57, 341):
        await shop.refunded(intent, minor)
    assert await shop.left() == {}


@pytest.mark.parametrize("minor", [1, 2, 3, 5, 249, 498])
async def test_any_two_parts_sum_exactly(shop: Shop, minor: int):
    player = await shop.player()
    pack = await shop.save(coins=7, bonus=3)
    intent = await shop.buy(player, product_id=pack.id)
    await shop.refunded(intent, minor)
    held = await shop.coins(player)
    assert held.get("paid", 0) == 7 - 7 * minor // 499
    assert held.get("bonus", 0) == 3 - 3 * minor // 499
    await shop.refunded(intent)
    assert await shop.left() == {}
