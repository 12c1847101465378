"""Cards that Stripe keeps, at the lab's Stripe: saved, charged again, confirmed, and let go of."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.house import House
from tests.payments.stripe_till import BACK, Till, open_till
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.list_methods import ShownMethod, list_methods
from guildbank.payments.usecases.mind_methods import mind_methods
from guildbank.payments.usecases.remove_method import remove_method

ASKED = "pm_card_authenticationRequired"


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=4) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[Till]:
    async with open_till(house, lab) as (till, _):
        yield till


async def cards(till: Till, player: str) -> list[ShownMethod]:
    await till.rest()
    found = await list_methods(till.shop.payments, till.shop.tenant, player)
    assert not isinstance(found, Refusal)
    return found


async def at_stripe(till: Till, player: str) -> list[dict[str, Any]]:
    """Return the player's customers at Stripe, with their cards."""
    found: list[dict[str, Any]] = (await till.at_lab("/customers", player=player))["customers"]
    return found


async def saved(till: Till, player: str, method: str = "pm_card_visa") -> Intent | Refusal:
    return await till.shop.try_buying(
        player, provider="stripe", method=method, return_url=BACK, save_method=True
    )


async def by(till: Till, player: str, card: ShownMethod) -> Intent:
    return await till.shop.buy(player, provider=None, method_id=card.method.id, return_url=BACK)


async def test_a_card_is_saved_with_a_payment_and_pays_the_next_one(till: Till):
    player = await till.shop.player()
    await saved(till, player)
    (card,) = await cards(till, player)
    assert (card.known.brand, card.known.last_four, card.problem) == ("visa", "4242", None)
    assert (await by(till, player, card)).state == "credited"
    (customer,) = await at_stripe(till, player)
    assert [one["id"] for one in customer["cards"]] == [card.known.reference]


async def test_a_card_saved_on_stripe_s_page_pays_without_it(till: Till):
    player = await till.shop.player()
    bought = await saved(till, player, "checkout")
    assert isinstance(bought, Intent)
    await till.choose(bought, "pay")
    await till.reaches(bought, "credited")
    (card,) = await cards(till, player)
    assert (await by(till, player, card)).state == "credited"


async def test_a_saved_card_whose_bank_asks_leads_the_player_there(till: Till):
    player = await till.shop.player()
    first = await saved(till, player, ASKED)
    assert isinstance(first, Intent)
    assert await cards(till, player) == []
    await till.choose(first, "confirm")
    await till.reaches(first, "credited")
    (card,) = await cards(till, player)
    again = await by(till, player, card)
    assert again.state == "requires_action"
    await till.choose(again, "confirm")
    await till.reaches(again, "credited")
    assert await till.shop.coins(player) == {"paid": 1000, "bonus": 100}


async def test_an_answer_that_was_lost_makes_no_second_customer(till: Till):
    player = await till.shop.player()
    await till.turn(player, "create", "error_after")
    refused = await saved(till, player)
    assert isinstance(refused, Refusal)
    assert refused.code == "provider_silent"
    await saved(till, player)
    assert len(await cards(till, player)) == 1
    assert len(await at_stripe(till, player)) == 1


async def test_a_removed_card_is_detached_until_stripe_has_done_it(till: Till):
    player = await till.shop.player()
    await saved(till, player)
    (card,) = await cards(till, player)
    await till.turn(player, "detach", "error_before")
    payments, tenant = till.shop.payments, till.shop.tenant
    assert await remove_method(payments, tenant, "op_olga", player, card.method.id) is None
    assert await cards(till, player) == []
    (customer,) = await at_stripe(till, player)
    assert len(customer["cards"]) == 1
    till.shop.clock.by += timedelta(minutes=1)
    await mind_methods(payments, tenant)
    (customer,) = await at_stripe(till, player)
    assert customer["cards"] == []


@pytest.mark.parametrize("change", ["detach", "renew"])
async def test_what_others_do_to_a_card_at_stripe_is_heard(till: Till, change: str):
    player = await till.shop.player()
    await saved(till, player)
    (card,) = await cards(till, player)
    new_end = {"exp_month": 3, "exp_year": 2088} if change == "renew" else {}
    await till.at_lab(f"/{change}", card=card.known.reference, **new_end)

    async def heard() -> bool:
        return await cards(till, player) != [card]

    await till.until(heard)
    left = await cards(till, player)
    ends = [(one.known.expires_year, one.known.expires_month) for one in left]
    assert ends == ([(2088, 3)] if change == "renew" else [])
