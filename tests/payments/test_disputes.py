"""Disputes take coins aside at once, and move money when funds moved, told of in any order."""

import pytest
from tests.payments.scripted import PENDING, processed
from tests.payments.shop import Shop

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.handle_webhook import sweep_webhooks
from guildbank.plugin_api import EventKind

OPENED = EventKind.DISPUTE_OPENED
WITHDRAWN = EventKind.DISPUTE_FUNDS_WITHDRAWN
REINSTATED = EventKind.DISPUTE_FUNDS_REINSTATED
CLOSED = EventKind.DISPUTE_CLOSED
LOST = EventKind.DISPUTE_LOST
TAKEN_BACK = EventKind.DISPUTE_TAKEN_BACK


async def tell(
    shop: Shop,
    intent: Intent,
    kind: EventKind,
    minor: int = 499,
    won: bool | None = None,
    dispute: str = "dp_1",
) -> None:
    (attempt, *_) = (await shop.dossier(intent)).attempts
    await shop.event(
        kind, payment_reference=attempt.reference, dispute_reference=dispute, amount_minor=minor,
        currency="EUR", won=won,
    )  # fmt: skip


async def test_a_lost_dispute_takes_coins_and_money_and_what_was_spent_is_owed(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    await tell(shop, intent, OPENED)
    assert await shop.coins(player) == {}
    assert await shop.money() == {"provider:scripted": -499, "backing": 99, "suspense": 400}
    refused = await shop.refund(intent, 1)
    assert isinstance(refused, Refusal)
    assert refused.code == "dispute_open"
    await tell(shop, intent, WITHDRAWN)
    assert await shop.coins(player) == {}
    assert await shop.money() == {"backing": 99, "suspense": -99}
    await tell(shop, intent, CLOSED, won=False)
    assert await shop.coins(player) == {"debt": -150}
    assert await shop.money() == {"backing": 99, "written_off": -99}
    (dispute,) = (await shop.dossier(intent)).disputes
    assert dispute.state == "lost"
    refused = await shop.refund(intent, 1)
    assert isinstance(refused, Refusal)
    assert refused.code == "payment_not_refundable"


async def test_a_won_dispute_gives_everything_back(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 40)
    before = await shop.left()
    for kind in (OPENED, WITHDRAWN, WITHDRAWN, REINSTATED, REINSTATED):
        await tell(shop, intent, kind)
    await tell(shop, intent, CLOSED, won=True)
    assert await shop.left() == before
    assert (await shop.refunded(intent, 90)).state == "succeeded"
    assert await shop.kinds() == [
        "created", "attempted", "credited", "dispute_opened", "dispute_funds_withdrawn",
        "dispute_funds_reinstated", "dispute_closed", "refund_clawed", "refunded",
    ]  # fmt: skip


async def test_events_out_of_order_come_to_the_same_end(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    before = await shop.left()
    await tell(shop, intent, REINSTATED)
    assert await shop.left() == before
    await tell(shop, intent, CLOSED, won=True)
    await tell(shop, intent, WITHDRAWN)
    assert await shop.coins(player) == {}
    await tell(shop, intent, OPENED)
    await shop.later(seconds=5)
    assert await sweep_webhooks(shop.payments, shop.tenant) == 1
    assert await shop.left() == before
    (dispute,) = (await shop.dossier(intent)).disputes
    assert (dispute.state, dispute.withdrawn, dispute.reinstated) == ("won", True, True)
    assert (await shop.refunded(intent)).state == "succeeded"


async def test_a_partial_dispute_and_a_refund_share_the_coins(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    await tell(shop, intent, WITHDRAWN, minor=200)
    await tell(shop, intent, CLOSED, won=False)
    assert await shop.coins(player) == {"paid": 300, "bonus": 30}
    assert await shop.money() == {"provider:scripted": -299, "backing": 299}
    await shop.refunded(intent)
    assert await shop.left() == {}


async def test_a_dispute_before_its_capture_was_heard_of_settles_the_capture_first(shop: Shop):
    player = await shop.player()
    shop.script.on_create = PENDING
    intent = await shop.buy(player)
    (attempt,) = (await shop.dossier(intent)).attempts
    shop.script.stands[attempt.id] = processed(499, reference=attempt.reference)
    await tell(shop, intent, WITHDRAWN)
    assert await shop.state(intent) == "credited"
    assert await shop.left() == {}


@pytest.mark.parametrize("before", [[], [OPENED], [OPENED, WITHDRAWN]])
async def test_one_event_that_says_lost_takes_the_coins_once_and_ends_the_dispute(
    shop: Shop, before: list[EventKind]
):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, 150)
    for kind in (*before, LOST, LOST):
        await tell(shop, intent, kind)
    assert await shop.coins(player) == {"debt": -150}
    assert await shop.money() == {"backing": 99, "written_off": -99}
    (dispute,) = (await shop.dossier(intent)).disputes
    assert dispute.state == "lost"
    refused = await shop.refund(intent, 1)
    assert isinstance(refused, Refusal)
    assert refused.code == "payment_not_refundable"


async def test_what_is_lost_again_after_it_was_taken_back_is_a_dispute_of_its_own(shop: Shop):
    player = await shop.player()
    intent = await shop.buy(player)
    before = await shop.left()
    for kind in (LOST, LOST, TAKEN_BACK, TAKEN_BACK, LOST, LOST):
        await tell(shop, intent, kind)
    assert await shop.coins(player) == {}
    told = [(one.reference, one.reinstated) for one in (await shop.dossier(intent)).disputes]
    assert told == [("dp_1", True), ("dp_1:2", False)]
    for kind in (TAKEN_BACK, LOST, TAKEN_BACK):
        await tell(shop, intent, kind)
    assert await shop.left() == before
    told = [(one.reference, one.reinstated) for one in (await shop.dossier(intent)).disputes]
    assert told == [("dp_1", True), ("dp_1:2", True), ("dp_1:3", True)]


@pytest.mark.parametrize("refunded", [499, 200])
async def test_a_dispute_lost_after_a_refund_takes_only_what_the_refund_left(
    shop: Shop, refunded: int
):
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.refunded(intent, refunded)
    await tell(shop, intent, LOST)
    assert await shop.left() == {}
    (dispute,) = (await shop.dossier(intent)).disputes
    assert dispute.state == "lost"
