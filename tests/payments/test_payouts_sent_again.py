"""A payout that its provider finds by its own name alone is sent again, and is paid once."""

import pytest
from tests.house import House
from tests.payments.cashier import Window, open_window
from tests.payments.scripted import DECLINED, Lost

from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.usecases.payouts.read import get_payout
from guildbank.plugin_api import EventKind, Outcome, OutcomeStatus

NO_FUNDS = Outcome(status=OutcomeStatus.DECLINED, code="insufficient_funds")


@pytest.fixture
async def window(house: House) -> Window:
    window = await open_window(house)
    window.cashier.knows_only_names = True
    return window


async def holds(window: Window) -> bool:
    proof = await prove(window.shop.house.db, window.shop.tenant.schema)
    return proof.ok


async def test_a_lost_answer_is_learnt_by_the_same_request_and_paid_once(window: Window):
    player, place = await window.earner()
    window.cashier.loses_answers = 1
    payout = await window.pay(player, place)
    assert payout.state == "unknown"
    await window.later(minutes=1)
    assert await window.state(payout) == "paid"
    first, second = window.cashier.asked
    assert first == second
    assert len(window.cashier.paid) == 1
    assert await window.shop.money() == {"provider:cash": 200, "payout_cost": -200}
    assert await holds(window)


async def test_a_request_that_was_lost_on_its_way_is_paid_by_the_next(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = Lost()
    payout = await window.pay(player, place)
    window.cashier.on_pay = None
    await window.later(minutes=1)
    assert await window.state(payout) == "paid"
    assert await holds(window)


async def test_a_refusal_of_the_repeated_request_gives_nothing_back(window: Window):
    """The first may have been paid, and have left too little money for a second."""
    player, place = await window.earner()
    window.cashier.on_pay = Lost()
    payout = await window.pay(player, place)
    window.cashier.refuses = NO_FUNDS
    await window.later(minutes=1)
    assert await window.state(payout) == "unknown"
    assert await window.shop.coins(player) == {"free": 600}
    assert await window.shop.money() == {"payout_in_flight": 200, "payout_cost": -200}
    # Once there is money again, the same request is paid.
    window.cashier.refuses = window.cashier.on_pay = None
    await window.later(hours=2)
    assert await window.state(payout) == "paid"


async def test_a_refusal_that_has_a_name_is_certain(window: Window):
    player, place = await window.earner()
    window.cashier.loses_answers, window.cashier.on_pay = 1, DECLINED
    payout = await window.pay(player, place)
    assert payout.state == "unknown"
    await window.later(minutes=1)
    assert await window.state(payout) == "failed"
    assert await window.shop.coins(player) == {"free": 1_000}


async def test_past_the_time_of_keys_it_is_sent_no_more_and_stays_unknown(window: Window):
    player, place = await window.earner()
    window.cashier.loses_answers = 1
    payout = await window.pay(player, place)
    for _ in range(3):
        await window.later(days=2)
    assert await window.state(payout) == "unknown"
    assert len(window.cashier.asked) == 1
    assert await window.shop.coins(player) == {"free": 600}


async def test_an_event_names_it_so_that_nothing_is_sent_again(window: Window):
    player, place = await window.earner()
    window.cashier.loses_answers = 1
    payout = await window.pay(player, place)
    name = f"po_{payout.id}"
    said = {"provider": "cash", "payout_id": payout.id, "payout_reference": name}
    await window.shop.event(EventKind.PAYOUT, **said)
    found = await get_payout(window.shop.payments, window.shop.tenant, payout.id)
    assert not isinstance(found, Refusal)
    assert (found.payout.state, found.payout.reference) == ("paid", name)
    assert len(window.cashier.asked) == 1
