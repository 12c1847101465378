"""Purchases on Stripe's own page, Checkout, played by the lab: paid, left, expired, given back."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.stripe_till import BACK, Till, open_till
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments

BOUGHT = {"paid": 500, "bonus": 50}
TAKEN = {"provider:stripe": -499, "backing": 499}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=4) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[Till]:
    async with open_till(house, lab) as (till, _):
        yield till


async def buy(till: Till, player: str) -> Intent:
    intent = await till.buy(player, "checkout")
    assert intent.state == "requires_action"
    return intent


async def paid(till: Till, player: str) -> Intent:
    intent = await buy(till, player)
    await till.choose(intent, "pay")
    await till.reaches(intent, "credited")
    await till.rest()
    return intent


async def test_who_pays_on_the_page_is_led_back_and_gets_the_coins(till: Till):
    player = await till.shop.player()
    intent = await buy(till, player)
    back = await till.choose(intent, "pay")
    assert (back.status_code, back.headers["location"]) == (303, BACK)
    await till.reaches(intent, "credited")
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == TAKEN


async def test_without_webhooks_a_look_finds_the_money(till: Till):
    player = await till.shop.player()
    intent = await buy(till, player)
    await till.choose(intent, "no_webhooks")
    await till.rest()
    assert await till.shop.state(intent) == "requires_action"
    assert await till.poll(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT


async def test_all_that_tells_of_one_payment_credits_it_once(till: Till):
    player = await till.shop.player()
    intent = await buy(till, player)
    await till.choose(intent, "webhooks_three_times")
    for _ in range(3):
        await till.poll(intent)
    await till.rest()
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert (await till.shop.kinds()).count("credited") == 1


@pytest.mark.parametrize(
    ("success", "ends"), [(True, "credited"), (False, "requires_payment_method")]
)
async def test_money_that_comes_later_is_credited_once_it_is_there(
    till: Till, success: bool, ends: str
):
    player = await till.shop.player()
    intent = await buy(till, player)
    await till.choose(intent, "pay_later")
    await till.reaches(intent, "processing")
    await till.rest()
    assert await till.shop.coins(player) == {}
    await till.at_lab("/arrive", session=(await till.attempt(intent)).id, success=success)
    await till.reaches(intent, ends)
    await till.rest()
    assert await till.shop.coins(player) == (BOUGHT if success else {})


async def test_who_goes_back_can_pay_on_the_same_page_later(till: Till):
    player = await till.shop.player()
    intent = await buy(till, player)
    back = await till.choose(intent, "go_back")
    assert back.headers["location"] == BACK
    assert await till.poll(intent) == "requires_action"
    await till.choose(intent, "pay")
    await till.reaches(intent, "credited")


async def test_a_canceled_payment_has_no_page_any_more(till: Till):
    intent = await buy(till, await till.shop.player())
    session = (await till.attempt(intent)).reference
    canceled = await cancel_payment(till.shop.payments, till.shop.tenant, "app", intent.id)
    assert isinstance(canceled, Intent)
    assert canceled.state == "canceled"
    late = await till.at_lab("/pay", session=session)
    assert (late["status"], late["payment_status"], late["url"]) == ("expired", "unpaid", None)
    assert await till.shop.left() == {}


async def test_a_payment_that_nobody_makes_expires_with_its_page(till: Till):
    intent = await buy(till, await till.shop.player())
    session = (await till.attempt(intent)).reference
    till.shop.clock.by += timedelta(hours=25)
    await expire_payments(till.shop.payments, till.shop.tenant)
    assert await till.shop.state(intent) == "expired"
    assert (await till.at_lab("/pay", session=session))["status"] == "expired"


async def test_who_pays_while_it_is_canceled_is_credited(till: Till):
    player = await till.shop.player()
    intent = await buy(till, player)
    await till.choose(intent, "no_webhooks")
    said = await cancel_payment(till.shop.payments, till.shop.tenant, "app", intent.id)
    assert isinstance(said, Refusal)
    assert said.code == "payment_not_cancelable"
    assert await till.shop.coins(player) == BOUGHT


async def test_a_page_whose_address_got_lost_is_found_again(till: Till):
    player = await till.shop.player()
    await till.turn("*", "create", "silence")
    intent = await till.buy(player, "checkout")
    assert intent.state == "unknown"
    assert await till.poll(intent) == "requires_action"
    await till.choose(intent, "pay")
    await till.reaches(intent, "credited")
    assert await till.shop.coins(player) == BOUGHT


async def test_a_payment_on_the_page_is_refunded_here_and_at_the_dashboard(till: Till):
    player = await till.shop.player()
    intent = await paid(till, player)
    assert (await till.shop.refunded(intent, 99)).state == "succeeded"
    await till.at_lab("/refunds", payment=(await till.attempt(intent)).id)

    async def all_back() -> bool:
        return await till.shop.left() == {}

    await till.until(all_back)


async def test_a_payment_on_the_page_is_disputed_and_lost(till: Till):
    player = await till.shop.player()
    intent = await paid(till, player)
    dispute = await till.dispute(intent)
    assert dispute.answer_by is not None
    assert await till.shop.left() == {}
    await till.at_lab(f"/disputes/{dispute.reference}/decide", outcome="lost")
    await till.rest()
    assert (await till.shop.dossier(intent)).disputes[-1].state == "lost"


async def test_without_a_way_back_there_is_no_page(till: Till):
    intent = await till.shop.buy(
        await till.shop.player(), provider="stripe", method="checkout", return_url=None
    )
    assert intent.problem == "invalid_request"
