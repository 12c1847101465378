"""Money that came and bought nothing is booked aside, shown, and given back."""

import msgspec
import pytest
from tests.payments.scripted import DECLINED, PENDING, Lost, processed
from tests.payments.shop import Shop

from guildbank.kernel import Refusal
from guildbank.plugin_api import EventKind


@pytest.mark.parametrize(
    ("amount", "currency"), [(498, "EUR"), (500, "EUR"), (499, "USD"), (1, "JPY")]
)
async def test_another_amount_or_currency_credits_nothing_and_goes_back(
    shop: Shop, amount: int, currency: str
):
    player = await shop.player()
    shop.script.on_create = processed(amount, currency)
    shop.script.on_refund = PENDING
    intent = await shop.buy(player)
    await shop.payments.drain()
    dossier = await shop.dossier(intent)
    assert dossier.intent.state == "conflicted"
    assert await shop.coins(player) == {}
    assert await shop.money(currency) == {"provider:scripted": -amount, "refunding": amount}
    (refund,) = dossier.refunds
    shop.script.refund_stands[refund.id] = processed(amount, currency, refund.reference)
    await shop.event(EventKind.REFUND, attempt_id=refund.attempt_id, refund_id=refund.id)
    assert await shop.left() == {}
    assert await shop.kinds() == [
        "created", "attempted", *([] if currency == "EUR" else ["money_opened"]), "conflicted",
        "refund_clawed", "refund_pending", "refunded",
    ]  # fmt: skip


async def test_a_refund_of_unapplied_money_that_fails_leaves_it_in_sight(shop: Shop):
    player = await shop.player()
    shop.script.on_create = processed(498)
    shop.script.on_refund = DECLINED
    intent = await shop.buy(player)
    await shop.payments.drain()
    assert await shop.money() == {"provider:scripted": -498, "unapplied": 498}
    shop.script.on_refund = None
    refund = await shop.refunded(intent)
    assert (refund.state, refund.amount_minor, refund.source) == ("succeeded", 498, "unapplied")
    assert await shop.left() == {}


async def test_late_coins_above_the_ceiling_are_not_credited_and_the_money_goes_back(shop: Shop):
    player = await shop.player()
    await shop.rule(ceiling=500)
    shop.script.on_create = DECLINED
    intent = await shop.buy(player)
    shop.script.on_create = None
    assert await shop.state(await shop.buy(player)) == "credited"
    shop.script.on_refund = PENDING
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    await shop.payments.drain()
    dossier = await shop.dossier(intent)
    assert (dossier.intent.state, dossier.intent.problem) == ("captured", "ceiling_exceeded")
    (refund,) = dossier.refunds
    shop.script.refund_stands[refund.id] = processed(499, reference=refund.reference)
    await shop.event(EventKind.REFUND, attempt_id=refund.attempt_id, refund_id=refund.id)
    assert await shop.state(intent) == "failed"
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}


async def test_a_player_whose_account_was_erased_gets_the_money_back(shop: Shop):
    player = await shop.player()
    shop.script.on_create = PENDING
    intent = await shop.buy(player)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute("UPDATE identity_player SET state = 'erased'")
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    assert (await shop.dossier(intent)).intent.problem == "player_closed"
    assert await shop.left() == {}


async def test_a_second_capture_of_one_payment_goes_back(shop: Shop):
    player = await shop.player()
    shop.script.on_create = DECLINED
    intent = await shop.buy(player)
    shop.script.on_create = None
    await shop.retry(intent)
    first, second = (await shop.dossier(intent)).attempts
    assert (first.state, second.state) == ("declined", "captured")
    shop.script.stands[first.id] = processed(499, reference=first.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=first.id)
    dossier = await shop.dossier(intent)
    assert dossier.intent.state == "credited"
    assert [(one.attempt_id, one.source) for one in dossier.refunds] == [(first.id, "unapplied")]
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}


async def test_a_second_capture_that_would_not_go_back_is_refunded_by_name(shop: Shop):
    player = await shop.player()
    shop.script.on_create = DECLINED
    intent = await shop.buy(player)
    shop.script.on_create = None
    await shop.retry(intent)
    first, second = (await shop.dossier(intent)).attempts
    shop.script.stands[first.id] = processed(499, reference=first.reference)
    shop.script.on_refund = DECLINED
    await shop.event(EventKind.PAYMENT, attempt_id=first.id)
    assert (await shop.money())["unapplied"] == 499
    shop.script.on_refund = None
    refund = await shop.refunded(intent, attempt=first.id)
    assert (refund.attempt_id, refund.state, refund.source) == (first.id, "succeeded", "unapplied")
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}
    again = await shop.refund(intent, attempt=first.id)
    assert isinstance(again, Refusal)
    assert again.code == "payment_not_refundable"
    stranger = await shop.refund(intent, attempt="att_of_another")
    assert isinstance(stranger, Refusal)
    assert (stranger.code, stranger.field) == ("not_found", "attemptId")
    assert (await shop.refunded(intent)).attempt_id == second.id


async def test_a_declined_payment_that_took_money_after_all_is_credited(shop: Shop):
    player = await shop.player()
    shop.script.on_create = DECLINED
    intent = await shop.buy(player)
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await shop.event(EventKind.PAYMENT, attempt_id=attempt.id)
    assert await shop.state(intent) == "credited"
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_a_success_without_an_amount_is_none(shop: Shop):
    player = await shop.player()
    shop.script.on_create = msgspec.structs.replace(processed(1), amount_minor=None)
    intent = await shop.buy(player)
    assert await shop.state(intent) == "unknown"
    assert await shop.left() == {}


async def test_unapplied_money_that_a_crash_left_is_found_by_the_janitor(shop: Shop):
    player = await shop.player()
    shop.script.on_create = processed(498)
    shop.script.on_refund = Lost()
    intent = await shop.buy(player)
    await shop.payments.drain()
    (refund,) = (await shop.dossier(intent)).refunds
    assert refund.state == "unknown"
    shop.script.on_refund = None
    assert await shop.later(minutes=1) == 1
    (refund,) = (await shop.dossier(intent)).refunds
    assert refund.state == "succeeded"
    assert shop.script.refund_requests[0] == shop.script.refund_requests[1]
    assert await shop.left() == {}
