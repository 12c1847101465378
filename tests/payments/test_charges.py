"""Taxes and fees are fixed before the player pays, and lie beside the money behind coins."""

from typing import Any

import pytest
from tests.house import House
from tests.payments.charging import Charging, fee, sales_tax, vat
from tests.payments.scripted import DECLINED, PENDING, processed
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.test_adopted import Market
from tests.payments.test_disputes import LOST, REINSTATED, WITHDRAWN, tell
from tests.pipelines.gates import Gate

from guildbank.kernel import Refusal
from guildbank.ledger.usecases.prove import MoneyProof, prove
from guildbank.payments.balances import BALANCES
from guildbank.payments.usecases.attempt import Asked
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.retry import retry_payment
from guildbank.pipelines import Stages, Step
from guildbank.plugin_api import Charged, EventKind, Slot
from guildbank.store import Pack, Price


@pytest.fixture
def levy() -> Charging:
    return Charging()


@pytest.fixture
async def shop(house: House, levy: Charging) -> Shop:
    shop = await open_shop(house, plugins=(("vat", levy),))
    await shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    return shop


async def proved(shop: Shop) -> MoneyProof:
    proof = await prove(shop.house.db, shop.tenant.schema, BALANCES)
    assert proof.ok, proof.problems
    [money] = proof.money
    return money


async def test_a_tax_in_the_price_lies_aside_and_the_coins_cost_the_rest(shop: Shop) -> None:
    bought = await shop.buy(await shop.player())
    assert bought.amount_minor == 499
    assert [one.amount_minor for one in shop.script.requests] == [499]
    assert await shop.money() == {"provider:scripted": -499, "backing": 419, "taxes": 80}
    assert (await proved(shop)).unspent == 419


async def test_what_is_added_is_asked_of_the_player_beside_the_price(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor), fee(30)))
    bought = await shop.buy(await shop.player())
    assert bought.amount_minor == 499 + 41 + 30
    assert [one.amount_minor for one in shop.script.requests] == [570]
    assert await shop.money() == {
        "provider:scripted": -570, "backing": 499, "taxes": 41, "surcharges": 30,
    }  # fmt: skip
    money = await proved(shop)
    assert (money.captured, money.taxes, money.surcharges) == (570, 41, 30)


async def test_parts_of_a_refund_give_taxes_and_fees_back_to_the_last_cent(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(vat(one.price_minor), fee(31)))
    bought = await shop.buy(await shop.player())
    for amount in (1, 1, 250, 277, 1):
        await shop.refunded(bought, amount)
        await proved(shop)
    assert await shop.money() == {}


async def test_money_that_is_not_the_total_lies_aside_whole(shop: Shop, levy: Charging) -> None:
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor),))
    shop.script.on_create = processed(499)
    shop.script.on_refund = PENDING
    bought = await shop.buy(await shop.player())
    assert bought.state == "conflicted"
    assert await shop.money() == {"provider:scripted": -499, "refunding": 499}
    await proved(shop)


async def test_every_split_of_a_refund_is_exact_and_proved(shop: Shop, levy: Charging) -> None:
    # Half of the total is tax and half is fee, so that both parts would round up at once.
    levy.says = lambda one: Charged(charges=(fee(250, included=True), vat(249, "100")))
    bought = await shop.buy(await shop.player(), product_id=(await priced(shop, 499)).id)
    for amount in (1, 2, 3, 493):
        await shop.refunded(bought, amount)
        assert (await proved(shop)).other == 0
    assert await shop.money() == {}


async def priced(shop: Shop, minor: int) -> Pack:
    return await shop.save(coins=7, bonus=0, prices=(Price(minor, "EUR"),))


async def test_a_declined_refund_puts_taxes_and_fees_back_where_they_were(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(vat(one.price_minor), fee(31)))
    bought = await shop.buy(await shop.player())
    await shop.refunded(bought, 100)
    before = await shop.left()
    shop.script.on_refund = DECLINED
    assert (await shop.refunded(bought, 333)).state == "failed"
    assert await shop.left() == before
    assert (await proved(shop)).holds


async def test_a_won_dispute_restores_taxes_and_a_lost_one_takes_them(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(vat(one.price_minor), fee(31)))
    bought = await shop.buy(await shop.player())
    before = await shop.left()
    await tell(shop, bought, WITHDRAWN, minor=530)
    assert await shop.money() == {"taxes": 80, "surcharges": 31, "suspense": -111}
    await proved(shop)
    await tell(shop, bought, REINSTATED, minor=530)
    assert await shop.left() == before
    await proved(shop)
    other = await shop.buy(await shop.player())
    await tell(shop, other, LOST, minor=265, dispute="dp_2")
    money = await proved(shop)
    assert (money.taxes, money.surcharges) == (80 + 40, 31 + 16)


async def test_a_refund_at_the_providers_own_desk_gives_taxes_back_too(shop: Shop) -> None:
    bought = await shop.buy(await shop.player())
    said = {"attempt_id": bought.attempt_id, "refund_reference": "re_desk"}
    shop.script.refund_stands["re_desk"] = processed(250)
    await shop.event(EventKind.REFUND, amount_minor=250, currency="EUR", **said)
    assert (await proved(shop)).taxes == 80 - 80 * 250 // 499


async def test_spent_coins_leave_the_whole_equation_true(lenient_shop: Shop) -> None:
    levy = Charging()
    lenient_shop.payments.plugins._slots[Slot.CHARGE]["vat"] = levy
    await lenient_shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    player = await lenient_shop.player()
    bought = await lenient_shop.buy(player)
    await lenient_shop.spend(player, 200)
    await lenient_shop.refunded(bought, 300)
    money = await proved(lenient_shop)
    assert money.taxes == 80 - 80 * 300 // 499
    assert money.backing == money.unspent + money.recognised


async def test_the_total_stays_whatever_is_published_before_the_player_pays(
    shop: Shop, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor),))
    shop.script.on_create = DECLINED
    waits = await shop.buy(await shop.player())
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor, "20"),))
    await shop.publish_stages(Stages(charges=(Step("dearer", "vat"),)))
    shop.script.on_create = None
    again = await shop.retry(waits)
    assert not isinstance(again, Refusal)
    assert [one.amount_minor for one in shop.script.requests] == [540, 540]
    assert (again.state, len(levy.seen)) == ("credited", 1)
    assert (await proved(shop)).taxes == 41


async def test_steps_see_the_lines_before_them_and_gates_the_total(
    house: House, levy: Charging
) -> None:
    levy.says = lambda _: Charged(charges=(fee(50),))
    second, gate, door = Charging("second"), Gate(), Gate("door", slot=Slot.ENTRY)
    named = (("vat", levy), ("second", second), ("gate", gate), ("door", door))
    shop = await open_shop(house, plugins=named)
    steps = (Step("fee", "vat"), Step("tax", "second"))
    await shop.publish_stages(
        Stages(entry=(Step("door", "door"),), charges=steps, before=(Step("gate", "gate"),))
    )
    await shop.buy(await shop.player())
    [seen] = second.seen
    assert (seen.price_minor, seen.amount_minor) == (499, 549)
    assert [(one.step, one.amount_minor) for one in seen.charges] == [("fee", 50)]
    assert [one.amount_minor for _, one in door.seen] == [499]
    assert [(one.amount_minor, len(one.charges)) for _, one in gate.seen] == [(549, 2)]


async def test_a_store_sets_its_own_price_and_nobody_charges_there(
    house: House, levy: Charging
) -> None:
    market = Market()
    shop = await open_shop(house, plugins=(("vat", levy), ("store", market)))
    await configure_provider(shop.payments, shop.tenant, "store", {"secret": SECRET}, enabled=True)
    await shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    market.on_create = DECLINED
    waits = await shop.buy(await shop.player(), provider="store")
    assert levy.seen == []
    # Elsewhere the tax would be left unpaid.
    elsewhere = await retry_payment(
        shop.payments, shop.tenant, waits.id, "scripted", None, None, Asked("app", "k")
    )
    assert isinstance(elsewhere, Refusal)
    assert elsewhere.code == "provider_not_offered"
    market.on_create = None
    assert not isinstance(await shop.retry(waits), Refusal)
    assert await shop.money() == {"provider:store": -499, "backing": 499}


async def test_what_was_to_be_paid_with_tax_is_paid_in_a_store_without(
    house: House, levy: Charging
) -> None:
    levy.says = lambda one: Charged(charges=(sales_tax(one.price_minor),))
    market = Market()
    shop = await open_shop(house, plugins=(("vat", levy), ("store", market)))
    await configure_provider(shop.payments, shop.tenant, "store", {"secret": SECRET}, enabled=True)
    await shop.publish_stages(Stages(charges=(Step("vat", "vat"),)))
    shop.script.on_create = DECLINED
    waits = await shop.buy(await shop.player())
    market.on_create = processed(599)
    asked = Asked("app", "k")
    paid = await retry_payment(shop.payments, shop.tenant, waits.id, "store", None, None, asked)
    assert not isinstance(paid, Refusal)
    assert (paid.state, paid.amount_minor) == ("credited", 599)
    assert await shop.money() == {"provider:store": -599, "backing": 599}
    await shop.refunded(paid, 599)
    assert await shop.money() == {}


async def test_without_charge_steps_a_purchase_asks_the_database_no_more_often(
    house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = await open_shop(house)
    players = {one: await one.player() for one in (plain, shop)}
    asked: list[object] = []
    begin = house.db.begin

    def counted(*args: Any, **more: Any) -> object:
        asked.append(args)
        return begin(*args, **more)

    counts = []
    for one, player in players.items():
        # The first purchase uses the account for the first time, which changes what is remembered.
        for _ in range(2):
            await one.buy(player)
        await one.payments.drain()
        monkeypatch.setattr(house.db, "begin", counted)
        asked.clear()
        await one.buy(player)
        await one.payments.drain()
        counts.append(len(asked))
        monkeypatch.setattr(house.db, "begin", begin)
    # Steps cost one look at what gates may know of the player, and none where there are no steps.
    assert counts[1] == counts[0] + 1
