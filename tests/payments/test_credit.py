"""A captured payment credits its coins exactly once, whoever brings the news."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from tests.payments.scripted import DECLINED, PENDING, UNKNOWN, Lost, processed
from tests.payments.shop import Shop

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import IntentState
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments
from guildbank.payments.usecases.create import create_payment
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.payments.usecases.look import look_at_attempt
from guildbank.payments.usecases.read import get_payment
from guildbank.plugin_api import EventKind, NextAction, Outcome, OutcomeStatus

ACT = Outcome(
    status=OutcomeStatus.PENDING, next_action=NextAction(kind="redirect", url="https://pay.example")
)


async def test_money_and_coins_are_one_commit(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    assert intent.state is IntentState.CREDITED
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}
    assert await shop.kinds() == ["created", "attempted", "credited"]


async def test_who_buys_is_answered_what_is_stored(shop: Shop):
    player = await shop.player()
    bought = await create_payment(shop.payments, shop.tenant, "app", "key", shop.purchase(player))
    assert not isinstance(bought, Refusal)
    assert bought.intent.state is IntentState.CREDITED
    assert bought.dossier == await shop.dossier(bought.intent)


async def test_the_same_key_buys_once_and_another_command_under_it_is_refused(shop: Shop):
    player = await shop.player()
    first, again = await asyncio.gather(shop.buy(player, "k1"), shop.buy(player, "k1"))
    assert first.id == again.id
    await shop.payments.drain()
    assert (await shop.buy(player, "k1")).state is IntentState.CREDITED
    assert len(shop.script.requests) == 1
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    other = await shop.try_buying(player, "k1", coins=500)
    assert isinstance(other, Refusal)
    assert other.code == "key_reused"


async def test_a_replayed_key_answers_although_the_pack_is_gone(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player, "k2")
    await shop.save(pack_id=shop.pack, active=False)
    assert (await shop.buy(player, "k2")).id == intent.id
    refused = await shop.try_buying(player, "k3")
    assert isinstance(refused, Refusal)
    assert refused.code == "pack_inactive"


async def test_webhook_return_page_poll_and_janitor_race_and_credit_once(shop: Shop):
    player = await shop.player()
    shop.script.on_create = ACT
    intent = await shop.buy(player)
    assert intent.state is IntentState.REQUIRES_ACTION
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await asyncio.gather(
        *(shop.event(EventKind.PAYMENT, attempt_id=attempt.id) for _ in range(4)),
        *(look_at_attempt(shop.payments, shop.tenant, attempt) for _ in range(4)),
        *(get_payment(shop.payments, shop.tenant, intent.id) for _ in range(4)),
        shop.later(hours=2),
    )
    assert await shop.state(intent) == "credited"
    assert (await shop.kinds()).count("credited") == 1
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}


async def test_an_event_that_came_twice_is_answered_and_done_once(shop: Shop):
    player = await shop.player()
    shop.script.on_create = ACT
    intent = await shop.buy(player)
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    said = {"attempt_id": attempt.id, "external_id": "evt_same"}
    assert await shop.event(EventKind.PAYMENT, **said) is True
    assert await shop.event(EventKind.PAYMENT, **said) is False
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_a_lost_answer_is_unknown_until_the_janitor_learns_that_money_came(shop: Shop):
    player = await shop.player()
    shop.script.on_create = Lost()
    intent = await shop.buy(player)
    assert intent.state is IntentState.UNKNOWN
    assert await shop.money() == {}
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference="pi_found")
    assert await shop.later(seconds=10) == 0
    assert await shop.later(seconds=25) == 1
    assert await shop.state(intent) == "credited"
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_a_lost_request_is_canceled_and_may_be_tried_again(shop: Shop):
    player = await shop.player()
    shop.script.on_create = Lost()
    intent = await shop.buy(player)
    assert await shop.later(minutes=1) == 1
    assert await shop.state(intent) == "requires_payment_method"
    shop.script.on_create = None
    again = await shop.retry(intent)
    assert not isinstance(again, Refusal)
    assert again.state is IntentState.CREDITED
    assert [one.state for one in (await shop.dossier(intent)).attempts] == ["canceled", "captured"]
    assert len(shop.script.requests) == 2
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_the_janitor_keeps_to_its_schedule_and_gives_up_in_the_end(shop: Shop):
    shop.script.on_create = Lost()
    intent = await shop.buy(await shop.player())
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = Outcome(status=OutcomeStatus.UNKNOWN)
    looks = [
        await shop.later(**span)
        for span in (
            {"seconds": 29}, {"seconds": 2}, {"minutes": 4}, {"minutes": 2}, {"minutes": 50},
            {"minutes": 15}, *({"days": 1, "seconds": 5},) * 5, {"days": 100},
        )
    ]  # fmt: skip
    assert looks == [0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0]
    assert await shop.state(intent) == "unknown"


async def test_a_declined_payment_takes_no_money_and_may_try_five_times(shop: Shop):
    player = await shop.player()
    shop.script.on_create = DECLINED
    intent = await shop.buy(player)
    assert intent.state is IntentState.REQUIRES_PAYMENT_METHOD
    assert intent.problem == "declined"
    [attempt] = (await shop.dossier(intent)).attempts
    assert attempt.code == "card_declined"
    for _ in range(4):
        await shop.retry(intent)
    assert await shop.state(intent) == "failed"
    over = await shop.retry(intent)
    assert isinstance(over, Refusal)
    assert over.code == "payment_not_retryable"
    assert await shop.balances() == {}


async def test_a_canceled_payment_stays_canceled_and_late_money_goes_back(shop: Shop):
    player = await shop.player()
    shop.script.on_create = ACT
    intent = await shop.buy(player)
    done = await cancel_payment(shop.payments, shop.tenant, "app", intent.id)
    assert not isinstance(done, Refusal)
    assert done.state is IntentState.CANCELED
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    dossier = await shop.dossier(intent)
    assert dossier.intent.state is IntentState.CANCELED
    assert [(one.origin, one.state, one.amount_minor) for one in dossier.refunds] == [
        ("system", "succeeded", 499)
    ]
    assert await shop.balances() == {}
    assert await shop.kinds() == [
        "created", "attempted", "pending", "canceled", "unapplied", "refund_clawed", "refunded",
    ]  # fmt: skip


async def test_a_payment_that_was_captured_first_cannot_be_canceled(shop: Shop):
    player = await shop.player()
    shop.script.on_create = ACT
    intent = await shop.buy(player)
    shop.script.on_cancel = processed(499, reference="pi_first")
    refused = await cancel_payment(shop.payments, shop.tenant, "app", intent.id)
    assert isinstance(refused, Refusal)
    assert refused.code == "payment_not_cancelable"
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_a_payment_expires_only_once_its_provider_confirms(shop: Shop):
    shop.script.on_create = PENDING
    intent = await shop.buy(await shop.player())
    shop.clock.by += timedelta(hours=25)
    shop.script.on_cancel = PENDING
    assert await expire_payments(shop.payments, shop.tenant) == 0
    assert await shop.state(intent) == "processing"
    shop.script.on_cancel = None
    shop.clock.by += timedelta(minutes=1)
    assert await expire_payments(shop.payments, shop.tenant) == 1
    assert await shop.state(intent) == "expired"
    assert await shop.balances() == {}


async def test_an_event_before_its_payment_waits_and_is_not_dropped(shop: Shop):
    player = await shop.player()
    shop.script.on_create = ACT
    early = {"payment_reference": "pi_later", "external_id": "evt_early"}
    await shop.event(EventKind.PAYMENT, **early)
    intent = await shop.buy(player)
    (attempt,) = (await shop.dossier(intent)).attempts
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(
            "UPDATE payments_attempt SET reference = 'pi_later' WHERE id = $1", attempt.id
        )
    shop.script.stands[attempt.id] = processed(499, reference="pi_later")
    shop.clock.by += timedelta(seconds=2)
    assert await sweep_webhooks(shop.payments, shop.tenant) == 1
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await sweep_webhooks(shop.payments, shop.tenant) == 0


async def test_a_slow_provider_does_not_hold_the_request_and_its_answer_is_not_lost(shop: Shop):
    player = await shop.player()
    shop.payments.timing = replace(shop.payments.timing, patience_seconds=0.05)

    async def slow() -> Outcome:
        await asyncio.sleep(0.4)
        return processed(499)

    shop.script.on_create = slow
    intent = await shop.buy(player)
    assert intent.state is IntentState.PROCESSING
    await shop.payments.drain()
    assert await shop.state(intent) == "credited"


async def test_once_the_player_has_acted_the_payment_is_processing(shop: Shop):
    shop.script.on_create = ACT
    intent = await shop.buy(await shop.player())
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = PENDING
    read = await get_payment(shop.payments, shop.tenant, intent.id)
    assert not isinstance(read, Refusal)
    assert (read.intent.state, read.attempts[0].action) == ("processing", None)


async def test_reading_a_payment_often_does_not_use_up_the_janitors_looks(shop: Shop):
    shop.script.on_create = Lost()
    intent = await shop.buy(await shop.player())
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = Outcome(status=OutcomeStatus.UNKNOWN)
    for _ in range(20):
        await get_payment(shop.payments, shop.tenant, intent.id)
        shop.clock.by += timedelta(seconds=1)
    shop.script.stands[attempt.id] = processed(499, reference="pi_late")
    assert await shop.later(seconds=31) == 1
    assert await shop.state(intent) == "credited"


async def test_looks_at_one_payment_never_overlap(shop: Shop):
    shop.script.on_create = Lost()
    intent = await shop.buy(await shop.player())
    running, most = 0, 0

    async def slow(*_: object) -> Outcome:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1
        return Outcome(status=OutcomeStatus.UNKNOWN)

    shop.script.fetch_payment = slow  # type: ignore[method-assign,assignment]
    shop.clock.by += timedelta(minutes=1)
    await asyncio.gather(
        *(get_payment(shop.payments, shop.tenant, intent.id) for _ in range(5)),
        shop.later(seconds=1),
    )
    assert most == 1


async def test_an_event_whose_provider_cannot_be_asked_is_tried_again(shop: Shop):
    player = await shop.player()
    shop.script.on_create = ACT
    intent = await shop.buy(player)
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = Outcome(status=OutcomeStatus.UNKNOWN)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    assert await shop.state(intent) == "requires_action"
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    shop.clock.by += timedelta(seconds=2)
    assert await sweep_webhooks(shop.payments, shop.tenant) == 1
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_payments_whose_providers_do_not_confirm_bar_no_others_from_expiring(shop: Shop):
    shop.script.on_create = PENDING
    stuck = await shop.buy(await shop.player())
    shop.clock.by += timedelta(minutes=1)
    other = await shop.buy(await shop.player())
    shop.clock.by += timedelta(hours=25)
    asked = 0

    async def silent() -> Outcome:
        nonlocal asked
        asked += 1
        return UNKNOWN

    shop.script.on_cancel = silent
    assert await expire_payments(shop.payments, shop.tenant, limit=1) == 0
    shop.script.on_cancel = Outcome(status=OutcomeStatus.CANCELED)
    assert await expire_payments(shop.payments, shop.tenant, limit=1) == 1
    assert (await shop.state(stuck), await shop.state(other)) == ("processing", "expired")
    shop.script.on_cancel = silent
    for _ in range(180):
        shop.clock.by += timedelta(minutes=1)
        await expire_payments(shop.payments, shop.tenant, limit=1)
    # At once, after 30 seconds, 5 minutes, an hour; then once a day.
    assert asked == 4
