"""Cards whose bank asks the player (3-D Secure), at the lab's Stripe: every way that it can end."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.house import House
from tests.payments.stripe_till import BACK, Till, open_till
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments

ASKED = "pm_card_authenticationRequired"
BOUGHT = {"paid": 500, "bonus": 50}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=4) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[Till]:
    async with open_till(house, lab) as (till, _):
        yield till


async def test_who_confirms_is_led_back_and_gets_the_coins(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player, ASKED)
    assert intent.state == "requires_action"
    back = await till.choose(intent, "confirm")
    assert back.status_code == 303
    where = urlsplit(back.headers["location"])
    assert where._replace(query="").geturl() == BACK
    assert parse_qs(where.query)["redirect_status"] == ["succeeded"]
    await till.reaches(intent, "credited")
    assert await till.shop.coins(player) == BOUGHT


async def test_without_webhooks_the_return_page_finds_the_coins(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player, ASKED)
    await till.turn((await till.attempt(intent)).id, "webhook", "unsent", times=0)
    await till.choose(intent, "confirm")
    assert await till.shop.state(intent) == "requires_action"
    assert await till.poll(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT


@pytest.mark.parametrize("choice", ["fail", "time_out"])
async def test_who_does_not_get_past_the_bank_pays_nothing_and_may_try_another_card(
    till: Till, choice: str
):
    player = await till.shop.player()
    intent = await till.buy(player, ASKED)
    first = (await till.attempt(intent)).reference
    await till.choose(intent, choice)
    await till.reaches(intent, "requires_payment_method")
    await till.rest()
    assert await till.shop.left() == {}
    again = await till.shop.retry(intent)
    assert not isinstance(again, Refusal)
    # Whoever kept the first page confirms in vain.
    ended = await till.at_lab("/authenticate", payment=first)
    assert ended["status"] == "canceled"


async def test_who_leaves_the_page_can_come_back_until_the_payment_expires(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player, ASKED)
    await till.choose(intent, "abandon")
    assert await till.poll(intent) == "requires_action"
    till.shop.clock.by += timedelta(hours=25)
    await expire_payments(till.shop.payments, till.shop.tenant)
    assert await till.shop.state(intent) == "expired"
    late = await till.at_lab("/authenticate", payment=(await till.attempt(intent)).reference)
    assert late["status"] == "canceled"
    assert await till.shop.left() == {}


async def test_who_cancels_cannot_confirm_any_more(till: Till):
    intent = await till.buy(await till.shop.player(), ASKED)
    await cancel_payment(till.shop.payments, till.shop.tenant, "app", intent.id)
    assert await till.shop.state(intent) == "canceled"
    late = await till.at_lab("/authenticate", payment=(await till.attempt(intent)).reference)
    assert late["status"] == "canceled"


async def test_who_confirms_while_it_is_canceled_is_credited(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player, ASKED)
    await till.turn((await till.attempt(intent)).id, "webhook", "unsent", times=0)
    await till.choose(intent, "confirm")
    await cancel_payment(till.shop.payments, till.shop.tenant, "app", intent.id)
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
