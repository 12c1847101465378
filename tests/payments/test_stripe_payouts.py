"""Payouts by Stripe's transfers, played by the lab: paid once, reversed, and gone wrong."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.house import House
from tests.payments.payout_till import PayoutTill, open_payout_till
from tests.payments.reckoning import reconciled
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank_stripe.plugin import StripeProvider

EARNER = "acct_1LabEarner"
IN_FLIGHT = {"payout_in_flight": 250, "payout_cost": -250}
PAID = {"provider:stripe": 250, "payout_cost": -250}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=1.5) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[PayoutTill]:
    plugin = StripeProvider(timeout_seconds=1)
    async with open_payout_till(house, lab, "stripe", plugin, lab.open_stripe) as opened:
        yield opened
    lab.clear()


async def test_a_player_is_paid_once_and_the_report_says_the_same(till: PayoutTill):
    earner = await till.earner(account=EARNER)
    payout = await till.pay(earner)
    assert (payout.state, payout.amount_minor) == ("paid", 250)
    assert await till.coins(earner) == 500
    assert await till.shop.money() == PAID
    await till.rest()
    for _ in range(2):
        [line] = await reconciled(till.shop, "stripe")
        assert (line.kind, line.state, line.gross_minor, line.payout) == (
            "player_payout", "matched", -250, payout.id,
        )  # fmt: skip
    assert await till.holds()


@pytest.mark.parametrize("account", ["acct_1LabUnfinished", "acct_1LabNobody", "DE89370400440532"])
async def test_where_stripe_cannot_pay_no_destination_is_kept(till: PayoutTill, account: str):
    said = await till.add(account=account)
    assert isinstance(said, Refusal)
    assert (said.code, said.field) == ("payout_destination_refused", "details.account")


async def test_what_stripe_refuses_comes_back(till: PayoutTill):
    earner = await till.earner(account="acct_1LabRestricted")
    payout = await till.pay(earner)
    assert (payout.state, payout.code) == ("failed", "transfers_not_allowed")
    poor = await till.earner(account=EARNER)
    await till.turn("*", "payout", "BALANCE_INSUFFICIENT")
    payout = await till.pay(poor)
    assert (payout.state, payout.code) == ("failed", "balance_insufficient")
    assert [await till.coins(one) for one in (earner, poor)] == [1_000, 1_000]
    assert await till.shop.money() == {}
    assert await till.holds()


@pytest.mark.parametrize("effect", ["silence", "error_after", "error_before", "lost"])
async def test_a_lost_answer_or_request_is_paid_once(till: PayoutTill, effect: str):
    earner = await till.earner(account=EARNER)
    await till.turn(EARNER, "payout", effect)
    await till.turn(EARNER, "webhook", "unsent", 0)
    payout = await till.pay(earner)
    assert payout.state == "unknown"
    assert await till.shop.money() == IN_FLIGHT
    # What never arrived is sent again once it cannot be on its way any more.
    await till.later(minutes=3)
    assert await till.state(payout) == "paid"
    assert await till.shop.money() == PAID
    assert [line.gross_minor for line in await reconciled(till.shop, "stripe")] == [-250]
    assert await till.holds()


async def test_the_webhook_ends_what_nobody_knew(till: PayoutTill):
    earner = await till.earner(account=EARNER)
    await till.turn(EARNER, "payout", "silence")
    payout = await till.pay(earner)
    await till.reaches(payout, "paid")
    assert await till.shop.money() == PAID


async def test_while_stripe_is_silent_no_time_gives_coins_back(till: PayoutTill):
    earner = await till.earner(account=EARNER)
    await till.turn(EARNER, "payout", "error_after", 0)
    await till.turn(EARNER, "webhook", "unsent", 0)
    payout = await till.pay(earner)
    await till.turn("*", "get", "error_before", 0)
    for days in (1, 40, 400):
        await till.later(days=days)
    assert await till.state(payout) == "unknown"
    assert await till.coins(earner) == 500
    assert await till.holds()


@pytest.mark.parametrize("told", ["webhook", "report"])
async def test_a_transfer_that_is_reversed_brings_the_coins_once(till: PayoutTill, told: str):
    earner = await till.earner(account=EARNER)
    payout = await till.pay(earner)
    effect = "duplicate" if told == "webhook" else "unsent"
    await till.turn(payout.id, "webhook", effect, 0)
    await till.at_lab("/reverse", transfer=payout.id)
    if told == "webhook":
        await till.reaches(payout, "returned")
        await till.rest()
    lines = await reconciled(till.shop, "stripe")
    assert {(one.state, one.gross_minor, one.payout) for one in lines} == {
        ("matched", 250, payout.id),
        ("matched", -250, payout.id),
    }
    await till.later(days=2)
    assert await till.state(payout) == "returned"
    assert await till.coins(earner) == 1_000
    assert await till.shop.money() == {}
    assert (await till.shop.kinds()).count("payout_returned") == 1
    assert await till.holds()


async def test_a_part_that_is_reversed_is_left_to_a_person(till: PayoutTill):
    earner = await till.earner(account=EARNER)
    payout = await till.pay(earner)
    await till.at_lab("/reverse", transfer=payout.id, amount=100)
    await till.rest()
    assert await till.state(payout) == "paid"
    states = {one.gross_minor: one.state for one in await reconciled(till.shop, "stripe")}
    assert states == {100: "missing_here", -250: "matched"}
    assert await till.coins(earner) == 500


async def test_events_in_the_wrong_order_change_nothing_at_the_end(till: PayoutTill):
    earner = await till.earner(account=EARNER)
    await till.turn(EARNER, "webhook", "reordered")
    payout = await till.pay(earner)
    await till.at_lab("/reverse", transfer=payout.id)
    await till.reaches(payout, "returned")
    await till.rest()
    assert await till.state(payout) == "returned"
    assert await till.coins(earner) == 1_000
    assert await till.holds()
