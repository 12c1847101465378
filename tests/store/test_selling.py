"""Packs are kept in versions and sold within their limits; a payment keeps its own version."""

import asyncio

import pytest
from tests.house import House
from tests.payments.scripted import DECLINED, PENDING, processed
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate

from guildbank.kernel import Refusal
from guildbank.payments.usecases.cancel import cancel_payment
from guildbank.pipelines import Stages, Step
from guildbank.plugin_api import EventKind
from guildbank.store import OpenAmount, Pack, Price
from guildbank.store.usecases.read_packs import get_pack, list_packs


def refused(outcome: object) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


async def test_a_payment_keeps_the_version_it_was_made_with(shop: Shop):
    player = await shop.player()
    shop.script.on_create = PENDING
    intent = await shop.buy(player)
    second = await shop.save(pack_id=shop.pack, coins=1, bonus=0, prices=(Price(999, "EUR"),))
    assert second.version == 2
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    first = await get_pack(shop.store, shop.tenant, shop.pack, 1)
    newest = await get_pack(shop.store, shop.tenant, shop.pack)
    assert isinstance(first, Pack)
    assert isinstance(newest, Pack)
    assert (first.coins, newest.coins) == (500, 1)
    assert [one.id for one in await list_packs(shop.store, shop.tenant, "", 10)] == [shop.pack]


async def test_a_packs_purpose_says_which_pipeline_its_purchases_run_through(house: House):
    shop = await open_shop(house, plugins=(("gate", Gate()),))
    gate = Stages(before=(Step("never", "gate", {"veto": True}),))
    await shop.publish_stages(gate, purpose="deposits")
    wallet = await shop.save(purpose="deposits")
    sword = await shop.save(purpose="items")
    player = await shop.player()
    bought = [await shop.buy(player, product_id=one) for one in (shop.pack, sword.id, wallet.id)]
    assert [(one.purpose, one.state) for one in bought] == [
        ("packs", "credited"), ("items", "credited"), ("deposits", "failed"),
    ]  # fmt: skip
    assert bought[2].problem == "purchase_vetoed"


async def test_any_number_of_coins_is_sold_at_its_exact_price(shop: Shop):
    pack = await shop.save(open_amount=OpenAmount(1, 10_000))
    player = await shop.player()
    intent = await shop.buy(player, product_id=pack.id, coins=1234)
    assert intent.amount_minor == 1232
    assert await shop.coins(player) == {"paid": 1234, "bonus": 123}
    assert await shop.money() == {"provider:scripted": -1232, "backing": 1232}
    await shop.refunded(intent, 616)
    await shop.refunded(intent)
    assert await shop.left() == {}


async def test_a_limit_holds_against_purchases_at_the_same_time(shop: Shop):
    pack = await shop.save(limit_per_player=2)
    player, other = await shop.player(), await shop.player()
    outcomes = await asyncio.gather(
        *(shop.try_buying(player, product_id=pack.id) for _ in range(6))
    )
    codes = [outcome.code for outcome in outcomes if isinstance(outcome, Refusal)]
    assert codes == ["limit_reached"] * 4
    assert await shop.coins(player) == {"paid": 1000, "bonus": 100}
    assert (await shop.buy(other, product_id=pack.id)).state == "credited"


@pytest.mark.parametrize("ending", ["declined", "canceled", "conflicted"])
async def test_a_purchase_that_came_to_nothing_does_not_count(shop: Shop, ending: str):
    pack = await shop.save(limit_per_player=1)
    player = await shop.player()
    shop.script.on_create = {
        "declined": DECLINED, "canceled": PENDING, "conflicted": processed(1),
    }[ending]  # fmt: skip
    intent = await shop.buy(player, product_id=pack.id)
    if ending == "canceled":
        assert refused(await shop.try_buying(player, product_id=pack.id)) == "limit_reached"
        await cancel_payment(shop.payments, shop.tenant, "app", intent.id)
    shop.script.on_create = None
    assert (await shop.buy(player, product_id=pack.id)).state == "credited"
    assert refused(await shop.try_buying(player, product_id=pack.id)) == "limit_reached"
    if ending == "declined":
        again = await shop.retry(intent)
        assert refused(again) == "limit_reached"


async def test_packs_of_an_unknown_currency_or_another_tenant_are_not_there(shop: Shop):
    player = await shop.player()
    assert refused(await shop.try_buying(player, product_id="pack_none")) == "unknown_pack"
    assert refused(await get_pack(shop.store, shop.tenant, "pack_none")) == "not_found"
    with pytest.raises(AssertionError, match="unknown_currency"):
        await shop.save(currency="RUBY")
