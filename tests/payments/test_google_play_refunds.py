"""What Google gives back takes the coins, and what is given back here is Google's order, whole."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments.google_till import BOUGHT, GoogleTill, google_till
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[GoogleTill]:
    async with google_till(house, lab, notified=True) as opened:
        yield opened


@pytest.fixture
async def quiet(house: House, lab: LabServer) -> AsyncIterator[GoogleTill]:
    """A shop that Google does not notify."""
    async with google_till(house, lab, notified=False) as opened:
        yield opened


async def test_a_voided_purchase_takes_the_coins_once(till: GoogleTill):
    player = await till.shop.player()
    intent, bought = await till.paid(player)
    await till.rest()
    await till.turn(bought["order"], "webhook", "duplicate")
    await till.at_lab("/void", transaction=bought["transaction"])
    await till.rest()
    await till.report()
    (refund,) = await till.refunds(intent)
    assert (refund.state.value, refund.origin, refund.amount_minor, refund.reason) == (
        "succeeded", "provider", 499, "remorse",
    )  # fmt: skip
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}
    assert await till.problems() == []
    assert await till.is_proven()


@pytest.mark.parametrize(
    ("reason", "word"), [(1, "remorse"), (5, "fraud"), (6, "friendly_fraud"), (7, "chargeback")]
)
async def test_a_purchase_that_nobody_told_of_is_found_in_the_list_with_its_reason(
    quiet: GoogleTill, reason: int, word: str
):
    player = await quiet.shop.player()
    intent, bought = await quiet.paid(player)
    assert await quiet.report() == 0
    await quiet.at_lab("/void", transaction=bought["order"], reason=reason)
    assert await quiet.report() == 1
    (refund,) = await quiet.refunds(intent)
    assert (refund.state.value, refund.reason) == ("succeeded", word)
    assert await quiet.shop.coins(player) == {}
    assert await quiet.report() == 0
    assert await quiet.is_proven()


async def test_coins_that_were_spent_are_owed(quiet: GoogleTill):
    player = await quiet.shop.player()
    _, bought = await quiet.paid(player)
    await quiet.shop.spend(player, 100)
    await quiet.at_lab("/void", transaction=bought["transaction"])
    await quiet.report()
    assert await quiet.shop.coins(player) == {"debt": -100}
    assert await quiet.is_proven()


async def test_a_refund_in_another_money_is_of_what_was_paid(quiet: GoogleTill):
    intent, bought = await quiet.paid(await quiet.shop.player(), price="600", currency="JPY")
    await quiet.at_lab("/void", transaction=bought["transaction"])
    await quiet.report()
    (refund,) = await quiet.refunds(intent)
    assert (refund.amount_minor, refund.money) == (600, "JPY")
    assert await quiet.shop.money("JPY") == {}


async def test_what_google_gave_back_for_nothing_takes_nothing(quiet: GoogleTill):
    player = await quiet.shop.player()
    intent, bought = await quiet.paid(player, price="0")
    await quiet.at_lab("/void", transaction=bought["transaction"])
    await quiet.report()
    assert await quiet.refunds(intent) == []
    assert await quiet.shop.coins(player) == BOUGHT
    assert await quiet.problems() == []


async def test_a_void_that_comes_before_the_purchase_is_booked_waits_for_it(till: GoogleTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.turn((await till.attempt(intent)).id, "webhook", "unsent")
    bought = await till.in_store(intent)
    await till.at_lab("/void", transaction=bought["transaction"])
    await till.rest()
    assert await till.confirm(intent, bought["transaction"]) is None
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}


async def test_money_is_given_back_from_here(till: GoogleTill):
    player = await till.shop.player()
    intent, bought = await till.paid(player)
    refund = await till.shop.refunded(intent)
    await till.rest()
    await till.report()
    assert refund.state == "succeeded"
    # Google tells of it as well, and it is known.
    assert [one.state.value for one in await till.refunds(intent)] == ["succeeded"]
    assert (await till.at_lab("/heard", transaction=bought["transaction"]))["state"] == "CANCELLED"
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}
    assert await till.is_proven()


async def test_a_part_cannot_be_given_back(quiet: GoogleTill):
    player = await quiet.shop.player()
    intent, bought = await quiet.paid(player)
    refund = await quiet.shop.refunded(intent, 100)
    assert (refund.state.value, refund.code) == ("failed", "only_whole_orders")
    assert (await quiet.at_lab("/heard", transaction=bought["transaction"]))["state"] == "PURCHASED"
    assert await quiet.shop.coins(player) == BOUGHT
    assert await quiet.is_proven()


async def test_a_refund_that_google_works_on_is_pending_until_it_is_done(quiet: GoogleTill):
    player = await quiet.shop.player()
    intent, bought = await quiet.paid(player)
    await quiet.turn(bought["order"], "refund", "PENDING")
    refund = await quiet.shop.refunded(intent)
    assert refund.state == "pending"
    await quiet.at_lab("/void", transaction=bought["transaction"])
    await quiet.look(hours=2)
    assert [one.state.value for one in await quiet.refunds(intent)] == ["succeeded"]
    assert await quiet.is_proven()


@pytest.mark.parametrize("effect", ["error_before", "error_after", "silence"])
async def test_a_refund_without_an_answer_is_asked_about_and_paid_once(
    quiet: GoogleTill, effect: str
):
    player = await quiet.shop.player()
    intent, bought = await quiet.paid(player)
    await quiet.turn(bought["order"], "refund", effect)
    refund = await quiet.shop.refund(intent)
    assert not isinstance(refund, Refusal)
    assert refund.state == "unknown"
    for _ in range(2):
        quiet.shop.clock.by += timedelta(minutes=6)
        await quiet.look()
    assert [one.state.value for one in await quiet.refunds(intent)] == ["succeeded"]
    await quiet.report()
    assert len(await quiet.refunds(intent)) == 1
    assert await quiet.shop.coins(player) == {}
    assert await quiet.is_proven()
