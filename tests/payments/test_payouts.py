"""Coins become money once, in exact numbers, and come back for a confirmed failure alone."""

import asyncio
from typing import Any

import pytest
from tests.house import House
from tests.payments.cashier import CAME_BACK, Window, open_window
from tests.payments.scripted import DECLINED, PENDING, UNKNOWN, Lost, processed
from tests.payments.test_callbacks import Listener, follow
from tests.payments.test_verb_callbacks import run

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.ledger import prove
from guildbank.payments import Timing
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.payments.usecases.payouts.decide import approve_payout, cancel_payout
from guildbank.payments.usecases.payouts.send import send_payout
from guildbank.pipelines import Stages, Step
from guildbank.plugin_api import EventKind, Outcome
from guildbank.wallets import SpendLimit
from guildbank.wallets.contracts import SetLimit, Spend
from guildbank.wallets.usecases.rule import SetLimitAct
from guildbank.wallets.usecases.spend import SpendAct


def refused(outcome: object) -> str:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


@pytest.fixture
async def window(house: House) -> Window:
    return await open_window(house)


async def holds(window: Window) -> bool:
    proof = await prove(window.shop.house.db, window.shop.tenant.schema)
    assert proof.ok, proof.problems
    return proof.ok


async def test_coins_are_taken_and_their_money_is_paid(window: Window):
    player, place = await window.earner()
    payout = await window.pay(player, place)
    assert (payout.state, payout.coins, payout.amount_minor) == ("paid", 400, 200)
    assert await window.shop.coins(player) == {"free": 600}
    assert await window.shop.money() == {"provider:cash": 200, "payout_cost": -200}
    [asked] = window.cashier.asked
    assert (asked.amount_minor, asked.currency, asked.details) == (
        200, "EUR", {"account": "4711081500"},
    )  # fmt: skip
    assert await holds(window)


@pytest.mark.parametrize("first", ["payout", "limit"])
async def test_coins_that_are_paid_out_are_no_spending_for_a_limit(window: Window, first: str):
    player, place = await window.earner()
    if first == "payout":
        await window.pay(player, place)
    limit = SetLimitAct("app", new_id("key"), SetLimit(player, "GEM", 500))
    journal, schema = window.shop.house.journal, window.shop.tenant.schema
    assert isinstance(await journal.submit(schema, limit), Receipt)
    if first == "limit":
        await window.pay(player, place)
    spends = (
        SpendAct("app", new_id("key"), Spend(player, "GEM", amount), (SpendLimit(),))
        for amount in (500, 1)
    )
    spent, too_much = [await journal.submit(schema, one) for one in spends]
    assert isinstance(spent, Receipt), spent
    assert refused(too_much) == "limit_exceeded"


async def test_what_is_kept_of_a_request_names_no_account(window: Window):
    player, place = await window.earner()
    payout = await window.pay(player, place)
    async with window.shop.house.db.begin(window.shop.tenant.schema, read_only=True) as tx:
        rows = await tx.driver.fetch("SELECT payout.* FROM payments_payout AS payout")
        entries = await tx.driver.fetch("SELECT data FROM journal_entry")
    assert "4711081500" not in str([tuple(row) for row in (*rows, *entries)])
    assert payout.destination is not None


async def test_a_declined_payout_gives_coins_and_money_back(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = DECLINED
    payout = await window.pay(player, place)
    assert (payout.state, payout.code) == ("failed", "card_declined")
    assert await window.shop.coins(player) == {"free": 1_000}
    assert await window.shop.money() == {}
    # The coins keep the age that they had: they are paid out at once.
    window.cashier.on_pay = None
    assert (await window.pay(player, place, 1_000)).state == "paid"
    assert await holds(window)


async def test_a_lost_answer_is_unknown_and_no_time_gives_the_coins_back(window: Window):
    player, place = await window.earner()
    window.cashier.loses_answers = 1
    payout = await window.pay(player, place)
    assert payout.state == "unknown"
    assert await window.shop.money() == {"payout_in_flight": 200, "payout_cost": -200}
    window.cashier.is_silent = True
    for _ in range(12):
        await window.later(days=40)
    assert await window.state(payout) == "unknown"
    assert await window.shop.coins(player) == {"free": 600}
    assert await holds(window)
    window.cashier.is_silent = False
    assert await window.later(days=2) == 1
    assert await window.state(payout) == "paid"
    assert await window.shop.money() == {"provider:cash": 200, "payout_cost": -200}
    assert len(window.cashier.asked) == 1


async def test_an_unknown_payout_that_failed_gives_the_coins_back(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = UNKNOWN
    payout = await window.pay(player, place)
    window.cashier.says(payout, DECLINED)
    await window.later(minutes=1)
    assert await window.state(payout) == "failed"
    assert await window.shop.coins(player) == {"free": 1_000}
    assert await window.shop.money() == {}


async def test_a_request_that_never_arrived_is_sent_again_under_its_key(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = Lost()
    payout = await window.pay(player, place)
    assert payout.state == "unknown"
    window.cashier.on_pay = None
    await window.later(minutes=1)
    assert await window.state(payout) == "paid"
    first, second = window.cashier.asked
    assert first == second


async def test_another_amount_than_asked_is_for_a_person(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = processed(150)
    payout = await window.pay(player, place)
    assert (payout.state, payout.code) == ("unknown", "amount_differs")
    assert await window.shop.coins(player) == {"free": 600}


async def test_a_pending_payout_is_paid_when_its_provider_says_so(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = PENDING
    payout = await window.pay(player, place)
    assert payout.state == "pending"
    window.cashier.says(payout, processed(200, reference=payout.reference))
    await window.later(hours=2)
    assert await window.state(payout) == "paid"


@pytest.mark.parametrize("told", ["poll", "webhook"])
async def test_money_that_came_back_brings_the_coins_once(window: Window, told: str):
    player, place = await window.earner()
    payout = await window.pay(player, place)
    window.cashier.says(payout, CAME_BACK)
    for _ in range(2):
        if told == "webhook":
            said = {"provider": "cash", "payout_id": payout.id}
            await window.shop.event(EventKind.PAYOUT, **said)
        else:
            await window.later(days=1)
    assert await window.state(payout) == "returned"
    assert await window.shop.coins(player) == {"free": 1_000}
    assert await window.shop.money() == {}
    assert (await window.shop.kinds()).count("payout_returned") == 1
    assert await holds(window)


async def test_of_a_paid_payout_nothing_but_a_return_is_believed(window: Window):
    player, place = await window.earner()
    payout = await window.pay(player, place)
    for lie in (DECLINED, UNKNOWN, PENDING):
        window.cashier.says(payout, lie)
        await window.later(days=1)
    del window.cashier.paid[f"{payout.id}:pay:1"]
    await window.later(days=1)
    assert await window.state(payout) == "paid"
    assert await window.shop.coins(player) == {"free": 600}


async def test_a_word_on_what_waits_is_none_on_what_is_sent_meanwhile(
    window: Window, monkeypatch: pytest.MonkeyPatch
):
    await window.terms(review_above_minor=0)
    player, place = await window.earner()
    shop, cashier = window.shop, window.cashier
    payout = await window.pay(player, place)
    assert payout.state == "waiting"
    cashier.on_pay = PENDING
    not_yet = cashier.fetch_payout

    async def fetch_and_be_late(*asked: Any) -> Outcome:
        said = await not_yet(*asked)
        agreed = await approve_payout(shop.payments, shop.tenant, "op_1", "yes", payout.id, None)
        assert not isinstance(agreed, Refusal), agreed
        return said

    with monkeypatch.context() as patch:
        patch.setattr(cashier, "fetch_payout", fetch_and_be_late)
        await shop.event(EventKind.PAYOUT, provider="cash", payout_id=payout.id)
    await approve_payout(shop.payments, shop.tenant, "op_1", "yes", payout.id, None)
    assert await window.state(payout) == "pending"
    assert await shop.coins(player) == {"free": 600}
    assert await shop.money() == {"payout_in_flight": 200, "payout_cost": -200}


@pytest.mark.parametrize("died", ["before", "after"])
async def test_a_process_that_dies_around_the_call_pays_once_all_the_same(
    window: Window, died: str
):
    player, place = await window.earner()
    shop, cashier = window.shop, window.cashier
    cashier.dies = died
    payments = shop.payments
    payments.timing = Timing(patience_seconds=0)
    payout = await window.pay(player, place)
    await payments.drain()
    assert await window.state(payout) == "sending"
    assert await shop.coins(player) == {"free": 600}
    cashier.dies = None
    await window.later(minutes=2)
    assert await window.state(payout) == "paid"
    assert (len(cashier.paid), len(cashier.asked)) == (1, 2 if died == "before" else 1)


async def test_eight_at_once_take_the_coins_once(window: Window):
    player, place = await window.earner(500)
    made = await asyncio.gather(*(window.ask(player, place, 400) for _ in range(8)))
    paid = [one for one in made if not isinstance(one, Refusal)]
    assert len(paid) == 1
    assert {refused(one) for one in made if isinstance(one, Refusal)} == {"insufficient_funds"}
    assert await window.shop.coins(player) == {"free": 100}
    assert await window.shop.money() == {"provider:cash": 200, "payout_cost": -200}


async def test_eight_with_one_key_are_one_payout_that_is_sent_once(window: Window):
    player, place = await window.earner()
    made = await asyncio.gather(*(window.ask(player, place, 100, "k") for _ in range(8)))
    assert len({one.id for one in made if not isinstance(one, Refusal)}) == 1
    assert len(window.cashier.paid) == len(window.cashier.asked) == 1
    assert refused(await window.ask(player, place, 102, "k")) == "key_reused"
    assert await window.shop.coins(player) == {"free": 900}


async def test_eight_that_send_one_payout_call_once(window: Window):
    await window.terms(review_above_minor=0)
    player, place = await window.earner()
    payout = await window.pay(player, place)
    assert payout.state == "waiting"
    await asyncio.gather(
        *(send_payout(window.shop.payments, window.shop.tenant, payout.id) for _ in range(8))
    )
    assert window.cashier.asked == []
    shop = window.shop
    canceled = await asyncio.gather(
        *(cancel_payout(shop.payments, shop.tenant, "app", payout.id) for _ in range(8))
    )
    assert {one.state for one in canceled if not isinstance(one, Refusal)} == {"canceled"}
    assert await shop.coins(player) == {"free": 1_000}
    assert await shop.money() == {}


async def test_what_was_sent_cannot_be_taken_back(window: Window):
    player, place = await window.earner()
    window.cashier.on_pay = PENDING
    payout = await window.pay(player, place)
    shop = window.shop
    done = await cancel_payout(shop.payments, shop.tenant, "app", payout.id)
    assert refused(done) == "payout_not_cancelable"
    assert await shop.coins(player) == {"free": 600}


async def test_callback_steps_of_payouts_hear_how_they_end(house: House):
    listener = Listener()
    window = await open_window(house, plugins=(("listener", listener),))
    shop = window.shop
    pipelines = shop.payments.pipelines
    pipelines.purposes = {**pipelines.purposes, "payout": "Payouts."}
    pipelines.verbs = frozenset({"payout"})
    await run(shop, "payout", Stages(callbacks=(Step("tell-game", "listener"),)))
    player, place = await window.earner()
    payout = await window.pay(player, place)
    await follow(shop, CallbackOutbox(shop.payments))
    await deliver_callbacks(shop.payments, shop.tenant)
    assert [(one.kind, one.data["payout"]) for one in listener.heard] == [
        ("payments.payout_requested", payout.id), ("payments.payout_paid", payout.id),
    ]  # fmt: skip
