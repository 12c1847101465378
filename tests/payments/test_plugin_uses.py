"""A plugin is not taken away while anything at a provider, or a payment under way, needs it."""

from typing import Any

import pytest
from tests.house import House
from tests.payments.cashier import Window, open_window
from tests.payments.scripted import PENDING, UNKNOWN
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.test_saved_methods import Counter, counter
from tests.pipelines.gates import Gate
from tests.pipelines.test_publish import run

from guildbank.kernel import Refusal, new_id
from guildbank.payments.states import USES_OF_PLUGIN
from guildbank.payments.usecases.cancel import cancel_payment
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import EventKind, Outcome

__all__ = ["counter"]
NOT_AT_ITS_END = "1 disputes that are not at their end"
MAY_GO_BACK = "1 payments whose money may go back"


@pytest.fixture
async def shop(house: House) -> Shop:
    return await open_shop(house, plugins=(("gate", Gate()),))


async def needs(shop: Shop, plugin: str = "scripted") -> set[str]:
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        return {row[0] for row in await tx.driver.fetch(USES_OF_PLUGIN, plugin)}


async def switch_off(
    shop: Shop, provider: str = "scripted", settings: dict[str, Any] | None = None
) -> None:
    made = await configure_provider(
        shop.payments, shop.tenant, provider, {"secret": SECRET, **(settings or {})}, enabled=False
    )
    assert not isinstance(made, Refusal), made


async def test_an_account_that_is_off_and_was_never_used_keeps_nothing(shop: Shop) -> None:
    assert await needs(shop) == {"the payment provider scripted"}
    await switch_off(shop)
    assert await needs(shop) == set()


async def test_money_that_may_go_back_keeps_it_until_all_of_it_is_back(shop: Shop) -> None:
    intent = await shop.buy(await shop.player())
    await switch_off(shop)
    assert await needs(shop) == {MAY_GO_BACK}
    await shop.refunded(intent, 100)
    assert await needs(shop) == {MAY_GO_BACK}
    await shop.refunded(intent)
    assert await needs(shop) == set()


@pytest.mark.parametrize("said", [PENDING, UNKNOWN], ids=["pending", "unknown"])
async def test_a_refund_under_way_keeps_it(shop: Shop, said: Outcome) -> None:
    intent = await shop.buy(await shop.player())
    shop.script.on_refund = said
    await shop.refunded(intent)
    await switch_off(shop)
    assert await needs(shop) == {MAY_GO_BACK, "1 refunds that are under way"}


async def disputed(shop: Shop) -> dict[str, Any]:
    """Let a buyer dispute, and the money be taken; return what events say of it."""
    intent = await shop.buy(await shop.player())
    attempt = (await shop.dossier(intent)).attempts[-1]
    case = {
        "payment_reference": attempt.reference, "dispute_reference": new_id("dp"),
        "amount_minor": 499, "currency": "EUR",
    }  # fmt: skip
    await shop.event(EventKind.DISPUTE_OPENED, **case)
    await shop.event(EventKind.DISPUTE_FUNDS_WITHDRAWN, **case)
    await switch_off(shop)
    return case


async def test_an_open_dispute_keeps_it_though_its_money_was_taken(shop: Shop) -> None:
    case = await disputed(shop)
    assert await needs(shop) == {NOT_AT_ITS_END}
    await shop.event(EventKind.DISPUTE_LOST, **case)
    assert await needs(shop) == set()


async def test_a_dispute_that_is_won_keeps_it_until_its_money_is_back(shop: Shop) -> None:
    case = await disputed(shop)
    await shop.event(EventKind.DISPUTE_CLOSED, **case, won=True)
    assert await needs(shop) == {NOT_AT_ITS_END}
    await shop.event(EventKind.DISPUTE_FUNDS_REINSTATED, **case)
    assert await needs(shop) == {MAY_GO_BACK}


async def test_a_payout_and_where_it_goes_keep_it(house: House) -> None:
    window: Window = await open_window(house)
    player, place = await window.earner()
    window.cashier.on_pay = PENDING
    payout = await window.pay(player, place)
    assert payout.state == "pending"
    await switch_off(window.shop, "cash")
    assert await needs(window.shop, "cash") == {
        "1 destinations of payouts", "1 payouts that are under way or may come back",
    }  # fmt: skip


async def test_a_payout_that_waits_for_somebody_keeps_it(house: House) -> None:
    window: Window = await open_window(house)
    await window.terms(review_above_minor=1)
    player, place = await window.earner()
    assert (await window.pay(player, place)).state == "waiting"
    await switch_off(window.shop, "cash")
    assert "1 payouts that are under way or may come back" in await needs(window.shop, "cash")


async def test_customers_and_methods_that_are_kept_keep_it(counter: Counter) -> None:
    shop, player = counter.shop, await counter.shop.player()
    await counter.save(player)
    await switch_off(shop, "keeper", {"shop": "first"})
    assert await needs(shop, "keeper") == {
        MAY_GO_BACK, "1 players who are customers", "1 methods that are kept",
    }  # fmt: skip


async def test_a_step_that_payments_under_way_began_with_keeps_its_plugin(shop: Shop) -> None:
    await shop.publish(before=[("check", "gate")])
    shop.script.on_create = PENDING
    waiting = [await shop.buy(await shop.player()) for _ in range(2)]
    assert "revision" not in str(await needs(shop, "scripted"))
    await run(shop, 0)
    assert await needs(shop, "gate") == {"2 payments under way whose revision has a step of it"}
    assert "2 payments that are under way" in await needs(shop)
    for intent in waiting:
        await cancel_payment(shop.payments, shop.tenant, "app", intent.id)
    assert await needs(shop, "gate") == set()
