"""A player asks for money back: it goes back once, whoever decides, races or dies in between."""

import asyncio

import pytest
from tests.payments.scripted import DECLINED, PENDING
from tests.payments.shop import Shop
from tests.payments.wishes import (
    ask,
    grant,
    refused,
    reject,
    seen,
    try_asking,
    try_granting,
    withdraw,
)

from guildbank.journal import pump
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.subscribers import EntryIndex
from guildbank.payments.usecases.read_timeline import read_timeline
from guildbank.payments.usecases.refund import StoredRefund, refund_act
from guildbank.plugin_api import EventKind


async def test_a_granted_request_gives_coins_and_money_back(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent)
    assert (asked.request.state, asked.refund) == ("open", None)
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}
    done = await grant(shop, asked)
    assert done.request.state == "granted"
    assert done.refund is not None
    assert (done.refund.state, done.refund.amount_minor) == ("succeeded", 499)
    assert await shop.left() == {}
    (refund,) = (await shop.dossier(intent)).refunds
    assert (refund.id, refund.reason) == (done.request.refund_id, "once is a mistake")


async def test_a_part_is_asked_for_and_less_of_it_granted_but_never_more(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent, 200)
    assert refused(await try_granting(shop, asked, 201)) == "exceeds_request"
    done = await grant(shop, asked, 100)
    assert done.refund is not None
    assert done.refund.amount_minor == 100
    assert await shop.money() == {"provider:scripted": -399, "backing": 399}


async def test_the_refund_of_a_granted_request_goes_its_own_way(shop: Shop):
    intent = await shop.buy(await shop.player())
    shop.script.on_refund = PENDING
    done = await grant(shop, await ask(shop, intent))
    assert done.refund is not None
    assert done.refund.state == "pending"
    shop.script.refund_stands[done.refund.id] = DECLINED
    told = {"attempt_id": done.refund.attempt_id, "refund_id": done.refund.id}
    await shop.event(EventKind.REFUND, **told)
    after = await seen(shop, done)
    assert (after.request.state, after.refund and after.refund.state) == ("granted", "failed")
    again = await ask(shop, intent)
    assert again.request.state == "open"


async def test_a_payment_has_one_open_request_at_a_time(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent)
    second = await try_asking(shop, intent)
    assert isinstance(second, Refusal)
    assert (second.code, second.extra["refundRequestId"]) == ("refund_requested", asked.request.id)
    gone = await withdraw(shop, asked)
    assert not isinstance(gone, Refusal)
    assert gone.request.state == "withdrawn"
    assert await withdraw(shop, asked) == gone
    assert (await ask(shop, intent)).request.id != asked.request.id


async def test_requests_that_race_for_one_payment_leave_one_open(shop: Shop):
    intent = await shop.buy(await shop.player())
    outcomes = await asyncio.gather(*(try_asking(shop, intent) for _ in range(8)))
    codes = sorted("asked" if not isinstance(one, Refusal) else one.code for one in outcomes)
    assert codes == ["asked", *["refund_requested"] * 7]


async def test_the_same_key_asks_once_and_another_wish_under_it_is_refused(shop: Shop):
    intent = await shop.buy(await shop.player())
    first = await ask(shop, intent, 100, key="k", text="the small one")
    again = await ask(shop, intent, 100, key="k", text="the small one")
    assert (again.request.id, again.text) == (first.request.id, "the small one")
    assert refused(await try_asking(shop, intent, 100, "k", text="another")) == "key_reused"
    await grant(shop, first)
    late = await ask(shop, intent, 100, key="k", text="the small one")
    assert (late.request.id, late.request.state) == (first.request.id, "granted")


async def test_only_what_was_paid_and_is_left_can_be_asked_for(shop: Shop):
    player, stranger = await shop.player(), await shop.player()
    intent = await shop.buy(player)
    assert refused(await try_asking(shop, intent, player=stranger)) == "not_found"
    assert refused(await try_asking(shop, intent, 500)) == "exceeds_refundable"
    assert refused(await try_asking(shop, intent, 100, money="USD")) == "currency_mismatch"
    shop.script.on_create = DECLINED
    unpaid = await shop.buy(player)
    assert refused(await try_asking(shop, unpaid)) == "payment_not_refundable"
    await shop.refunded(intent)
    assert refused(await try_asking(shop, intent)) == "payment_not_refundable"


async def test_a_disputed_payment_is_fought_over_elsewhere(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent, 100)
    (attempt,) = (await shop.dossier(intent)).attempts
    await shop.event(
        EventKind.DISPUTE_OPENED, attempt_id=attempt.id, dispute_reference="dp_1",
        amount_minor=499, currency="EUR",
    )  # fmt: skip
    assert refused(await try_granting(shop, asked)) == "dispute_open"
    assert (await seen(shop, asked)).request.state == "open"
    await withdraw(shop, asked)
    assert refused(await try_asking(shop, intent)) == "dispute_open"


async def test_a_rejected_request_tells_why_and_moves_nothing(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent)
    no = await reject(shop, asked, key="no")
    assert not isinstance(no, Refusal)
    assert (no.request.state, no.words.answer, no.words.note) == (
        "rejected", "They are spent.", "all spent",
    )  # fmt: skip
    assert await reject(shop, asked, key="no") == no
    assert refused(await try_granting(shop, asked)) == "refund_request_closed"
    assert refused(await reject(shop, asked)) == "refund_request_closed"
    assert await shop.money() == {"provider:scripted": -499, "backing": 499}
    assert shop.script.refund_requests == []


async def test_spent_coins_bar_a_grant_and_the_request_waits_on(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    asked = await ask(shop, intent)
    await shop.spend(player, 150)
    assert refused(await try_granting(shop, asked)) == "refund_exceeds_unspent"
    after = await seen(shop, asked)
    assert (after.request.state, after.request.refund_id) == ("open", None)


async def test_a_double_click_and_a_race_of_operators_begin_one_refund(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent, 100)
    twice = [try_granting(shop, asked, key="click", by="olga") for _ in range(3)]
    others = [try_granting(shop, asked, by=f"op-{number}") for number in range(4)]
    outcomes = await asyncio.gather(*twice, *others, reject(shop, asked))
    refunds = (await shop.dossier(intent)).refunds
    decided = (await seen(shop, asked)).request
    if decided.state == "rejected":
        assert refunds == []
        return
    (refund,) = refunds
    assert len(shop.script.refund_requests) == 1
    assert decided.refund_id == refund.id
    lost = [one.code for one in outcomes if isinstance(one, Refusal)]
    assert set(lost) == {"refund_request_closed"}
    assert await shop.money() == {"provider:scripted": -399, "backing": 399}


@pytest.mark.parametrize("turn", range(6))
async def test_a_grant_and_a_refund_of_the_studios_own_never_give_back_twice(shop: Shop, turn: int):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent)
    both = [try_granting(shop, asked), shop.refund(intent)]
    if turn % 2:
        both.reverse()
    outcomes = await asyncio.gather(*both)
    (refund,) = (await shop.dossier(intent)).refunds
    assert refund.amount_minor == 499
    assert len(shop.script.refund_requests) == 1
    (lost,) = [one.code for one in outcomes if isinstance(one, Refusal)]
    assert lost in {"payment_not_refundable", "refund_request_closed", "changed_meanwhile"}
    granted = (await seen(shop, asked)).request
    assert granted.refund_id == (refund.id if granted.state == "granted" else None)


async def test_who_dies_after_the_commit_leaves_one_refund_that_is_sent_once(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent)
    command = RefundCommand(
        payment_id=intent.id, amount_minor=None, money="EUR", reason=None,
        request_id=asked.request.id,
    )  # fmt: skip
    act = await refund_act(shop.payments, shop.tenant, "op", new_id("key"), StoredRefund(command))
    assert not isinstance(act, Refusal)
    await shop.house.journal.submit(shop.tenant.schema, act)
    assert shop.script.refund_requests == []
    assert refused(await try_granting(shop, asked)) == "refund_request_closed"
    assert await shop.later(minutes=1) == 1
    after = await seen(shop, asked)
    assert (after.request.state, after.refund and after.refund.state) == ("granted", "succeeded")
    assert len(shop.script.refund_requests) == 1
    assert await shop.left() == {}


async def test_a_partial_refund_in_between_makes_the_operator_look_again(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent)
    command = RefundCommand(
        payment_id=intent.id, amount_minor=None, money="EUR", reason=None,
        request_id=asked.request.id,
    )  # fmt: skip
    act = await refund_act(shop.payments, shop.tenant, "op", new_id("key"), StoredRefund(command))
    assert not isinstance(act, Refusal)
    await shop.refunded(intent, 100)
    outcome = await shop.house.journal.submit(shop.tenant.schema, act)
    assert refused(outcome) == "changed_meanwhile"
    done = await grant(shop, asked)
    assert done.refund is not None
    assert done.refund.amount_minor == 399


@pytest.mark.parametrize(
    ("state", "code"), [("suspended", "player_suspended"), ("closed", "player_closed")]
)
async def test_who_is_barred_under_the_lock_starts_nothing_and_is_still_answered(
    shop: Shop, state: str, code: str
):
    player = await shop.player()
    intent, other = await shop.buy(player), await shop.buy(player)
    asked = await ask(shop, intent)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(
            "UPDATE identity_player SET state = $2 WHERE id = $1", player, state
        )
    assert refused(await try_asking(shop, other)) == code
    assert refused(await withdraw(shop, asked)) == code
    assert (await grant(shop, asked)).request.state == "granted"


async def test_others_neither_see_nor_withdraw_a_request(shop: Shop):
    intent = await shop.buy(await shop.player())
    asked = await ask(shop, intent)
    assert refused(await withdraw(shop, asked, await shop.player())) == "not_found"
    await grant(shop, asked)
    assert refused(await withdraw(shop, asked)) == "refund_request_closed"


async def test_the_timeline_tells_of_both_ends_and_of_no_words(shop: Shop):
    intent = await shop.buy(await shop.player())
    await reject(shop, await ask(shop, intent, text="her brother had the phone"))
    await grant(shop, await ask(shop, intent))
    await pump(shop.house.db, shop.tenant.schema, [EntryIndex()])
    moments = await read_timeline(shop.payments, shop.tenant, intent.id)
    assert not isinstance(moments, Refusal)
    told = [(one.kind.removeprefix("payments."), one.by) for one in moments[-5:]]
    assert told == [
        ("refund_requested", intent.player_id), ("refund_request_rejected", "op"),
        ("refund_requested", intent.player_id), ("refund_clawed", "op"),
        ("refunded", "provider:scripted"),
    ]  # fmt: skip
    assert "brother" not in str(moments)
    assert "They are spent." not in str(moments)
