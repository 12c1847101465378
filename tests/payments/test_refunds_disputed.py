"""A refund that a dispute overtakes is not paid beside it, and the dispute gets its coins."""

from datetime import timedelta

import pytest
from tests.payments.scripted import DECLINED, PENDING, UNKNOWN, Lost, processed
from tests.payments.shop import Shop
from tests.payments.test_disputes import CLOSED, OPENED, REINSTATED, WITHDRAWN, tell
from tests.payments.test_suspense import ALL, held, proved

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, new_id
from guildbank.payments.contracts.rows import Attempt, Intent, Refund
from guildbank.payments.contracts.sale import RefundCommand
from guildbank.payments.usecases.dispute_told import Told
from guildbank.payments.usecases.look_at_dispute import follow
from guildbank.payments.usecases.refund import StoredRefund, refund_act
from guildbank.plugin_api import DisputeStand, DisputeStatus, EventKind, Outcome


async def begin_refund(shop: Shop, intent: Intent, minor: int | None = None) -> None:
    """Commit a refund as a process does that dies before its call."""
    command = RefundCommand(payment_id=intent.id, amount_minor=minor, money=None, reason=None)
    stored = StoredRefund(command)
    act = await refund_act(shop.payments, shop.tenant, "app", new_id("key"), stored)
    assert not isinstance(act, Refusal), act
    done = await shop.house.journal.submit(shop.tenant.schema, act)
    assert isinstance(done, Receipt), done


async def stands(shop: Shop, intent: Intent) -> tuple[Attempt, Refund]:
    found = await shop.dossier(intent)
    return found.attempts[-1], found.refunds[0]


async def money_of(shop: Shop, intent: Intent) -> tuple[int, int, int]:
    """Return what is on its way back, is back, and was withdrawn."""
    attempt, _ = await stands(shop, intent)
    return attempt.refunding_minor, attempt.refunded_minor, attempt.disputed_minor


async def end(shop: Shop, intent: Intent, *, won: bool) -> None:
    if won:
        await tell(shop, intent, REINSTATED)
    await tell(shop, intent, CLOSED, won=won)
    await proved(shop)


async def overtaken(shop: Shop, minor: int | None = None) -> tuple[str, Intent]:
    """Return a buyer whose refund was never sent, and whose payment is disputed since."""
    player = await shop.player()
    intent = await shop.buy(player)
    await begin_refund(shop, intent, minor)
    for kind in (OPENED, WITHDRAWN):
        await tell(shop, intent, kind)
    return player, intent


async def test_a_refund_that_was_never_sent_is_not_sent_while_a_dispute_is_open(shop: Shop):
    _, intent = await overtaken(shop)
    await shop.later(minutes=2)
    _, refund = await stands(shop, intent)
    assert shop.script.refund_requests == []
    assert (refund.state, refund.code) == ("failed", "dispute_open")
    assert await money_of(shop, intent) == (0, 0, 499)
    await shop.later(days=1)
    assert shop.script.refund_requests == []


@pytest.mark.parametrize("won", [True, False], ids=["won", "lost"])
@pytest.mark.parametrize("minor", [499, 200, 1])
async def test_its_coins_wait_for_the_end_of_the_dispute(shop: Shop, minor: int, won: bool):
    player, intent = await overtaken(shop, minor)
    await shop.later(minutes=2)
    assert await held(shop) == 550
    assert await shop.coins(player) == {}
    await end(shop, intent, won=won)
    assert await held(shop) == 0
    assert await shop.coins(player) == (ALL if won else {})
    assert await shop.money() == ({"provider:scripted": -499, "backing": 499} if won else {})


async def test_a_claim_whose_money_stays_gets_the_coins_as_well(lenient_shop: Shop):
    shop = lenient_shop
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 60)  # 50 bonus first, then 10 paid
    await begin_refund(shop, intent, 300)
    await tell(shop, intent, OPENED, minor=400)
    await shop.later(minutes=2)
    # floor(500 * 400 / 499) coins are due for the claim; 89 of the 490 unspent stay.
    assert await held(shop) == 400
    assert await shop.coins(player) == {"paid": 90}
    await tell(shop, intent, CLOSED, won=True)
    await proved(shop)
    assert await shop.coins(player) == {"paid": 490}


async def test_one_that_may_be_on_its_way_is_only_looked_at(shop: Shop):
    intent = await shop.buy(await shop.player())
    shop.script.on_refund = Lost()
    refund = await shop.refunded(intent)
    await tell(shop, intent, OPENED)
    # The company has never seen it, but the dispute is too young for that to be the last word.
    await shop.later(seconds=40)
    assert (await stands(shop, intent))[1].state == "unknown"
    shop.script.refund_stands[refund.id] = UNKNOWN
    await shop.later(minutes=6)
    assert (await stands(shop, intent))[1].state == "unknown"
    shop.script.refund_stands[refund.id] = processed(499, reference="re_late")
    await shop.later(hours=2)
    assert len(shop.script.refund_requests) == 1
    assert await money_of(shop, intent) == (0, 499, 0)
    await proved(shop)


async def test_one_that_got_lost_ends_once_nothing_can_be_on_its_way(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    shop.script.on_refund = Lost()
    await shop.refunded(intent)
    await tell(shop, intent, OPENED)
    await shop.later(minutes=6)
    assert len(shop.script.refund_requests) == 1
    assert (await stands(shop, intent))[1].code == "dispute_open"
    assert await held(shop) == 550


async def test_after_a_dispute_that_was_won_at_once_the_refund_is_sent(shop: Shop):
    intent = await shop.buy(await shop.player())
    await begin_refund(shop, intent)
    await tell(shop, intent, OPENED)
    await tell(shop, intent, CLOSED, won=True)
    await shop.later(minutes=2)
    assert len(shop.script.refund_requests) == 1
    assert await shop.left() == {}


async def test_a_dispute_that_was_lost_before_it_was_sent_leaves_nothing_to_refund(shop: Shop):
    player, intent = await overtaken(shop)
    await end(shop, intent, won=False)
    await shop.later(minutes=2)
    _, refund = await stands(shop, intent)
    assert shop.script.refund_requests == []
    assert (refund.state, refund.code) == ("failed", "disputed")
    await proved(shop)
    assert await shop.coins(player) == {}
    assert await shop.money() == {}


@pytest.mark.parametrize("won", [True, False], ids=["won", "lost"])
@pytest.mark.parametrize("answer", ["declined", "paid"])
async def test_a_dispute_that_opens_during_the_call_is_booked_as_the_company_says(
    shop: Shop, answer: str, won: bool
):
    player = await shop.player()
    intent = await shop.buy(player)

    async def disputed_meanwhile() -> Outcome:
        attempt, _ = await stands(shop, intent)
        stand = DisputeStand(reference="dp_1", status=DisputeStatus.NEEDS_RESPONSE)
        for kind in (OPENED, WITHDRAWN):
            told = Told(kind, "dp_1", 499, "EUR", None, None, stand, new_id("evt"))
            done = await follow(shop.payments, shop.tenant, attempt, told)
            assert isinstance(done, Receipt), done
        return DECLINED if answer == "declined" else processed(499)

    shop.script.on_refund = disputed_meanwhile
    await shop.refunded(intent)
    back = 499 if answer == "paid" else 0
    assert await money_of(shop, intent) == (0, back, 499)
    assert await held(shop) == 550 - (550 if back else 0)
    await end(shop, intent, won=won)
    gone = back + (0 if won else 499)
    # What the company is owed by the house: all that it gave back beyond what it captured.
    assert (await shop.money()).get("provider:scripted", 0) == gone - 499
    assert await shop.coins(player) == ({} if gone else ALL)


async def test_a_request_that_arrives_after_all_is_booked_once(shop: Shop):
    _, intent = await overtaken(shop)
    await shop.later(minutes=2)
    attempt, refund = await stands(shop, intent)
    for name in (refund.id, "re_late"):
        shop.script.refund_stands[name] = processed(499, reference="re_late")
    for _ in range(2):
        await shop.event(
            EventKind.REFUND, attempt_id=attempt.id, refund_id=refund.id, refund_reference="re_late"
        )
    assert await money_of(shop, intent) == (0, 499, 499)
    states = [(one.origin, one.state) for one in (await shop.dossier(intent)).refunds]
    assert states == [("merchant", "failed"), ("provider", "succeeded")]
    await proved(shop)
    # The bank sends it back: what the event names is what came back.
    for name in (refund.id, "re_late"):
        shop.script.refund_stands[name] = DECLINED
    await shop.event(
        EventKind.REFUND, attempt_id=attempt.id, refund_id=refund.id, refund_reference="re_late"
    )
    assert await money_of(shop, intent) == (0, 0, 499)
    assert await held(shop) == 550


async def test_a_pending_refund_that_fails_gives_its_coins_to_two_disputes(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    shop.script.on_refund = PENDING
    refund = await shop.refunded(intent)
    await tell(shop, intent, OPENED, minor=200, dispute="dp_1")
    await tell(shop, intent, OPENED, minor=100, dispute="dp_2")
    assert await held(shop) == 0
    shop.script.refund_stands[refund.id] = DECLINED
    await shop.event(EventKind.REFUND, attempt_id=refund.attempt_id, refund_id=refund.id)
    # floor(500 * 300 / 499) and floor(50 * 300 / 499)
    assert await held(shop) == 300 + 30
    assert await shop.coins(player) == {"paid": 200, "bonus": 20}
    for dispute in ("dp_1", "dp_2"):
        await tell(shop, intent, CLOSED, won=True, dispute=dispute)
    await proved(shop)
    assert await shop.coins(player) == ALL
    assert shop.clock.by == timedelta()
