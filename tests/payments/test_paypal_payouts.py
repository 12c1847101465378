"""Payouts by PayPal, played by the lab: paid once, claimed late, come back, and gone wrong."""

from collections.abc import AsyncIterator, Iterator

import pytest
from tests.house import House
from tests.payments.payout_till import PayoutTill, open_payout_till
from tests.payments.reckoning import reconciled
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal, new_id
from guildbank.payments.usecases.payouts.confirm import PayoutConfirmation, confirm_payout
from guildbank_paypal.plugin import PayPalProvider

IN_FLIGHT = {"payout_in_flight": 250, "payout_cost": -250}
PAID = {"provider:paypal": 250, "payout_cost": -250}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=1.5) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[PayoutTill]:
    plugin = PayPalProvider(timeout_seconds=1)
    async with open_payout_till(house, lab, "paypal", plugin, lab.open_paypal) as opened:
        yield opened
    lab.clear()


async def test_a_player_is_paid_and_the_books_say_so(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    payout = await till.pay(earner)
    assert (payout.state, payout.amount_minor) == ("paid", 250)
    assert await till.coins(earner) == 500
    assert await till.shop.money() == PAID
    await till.rest()
    assert await till.state(payout) == "paid"
    assert await till.holds()


async def test_what_is_no_address_is_kept_nowhere(till: PayoutTill):
    said = await till.add(email="nobody")
    assert isinstance(said, Refusal)
    assert (said.code, said.field) == ("payout_destination_refused", "details.email")


@pytest.mark.parametrize("name", ["failed", "denied"])
async def test_what_paypal_did_not_pay_comes_back(till: PayoutTill, name: str):
    earner = await till.earner(email=f"{name}@example.com")
    payout = await till.pay(earner)
    assert payout.state == "failed"
    assert await till.coins(earner) == 1_000
    assert await till.shop.money() == {}
    assert await till.holds()


async def test_an_account_without_money_pays_nothing_and_keeps_nothing(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    await till.turn("*", "payout", "INSUFFICIENT_FUNDS")
    payout = await till.pay(earner)
    assert (payout.state, payout.code) == ("failed", "INSUFFICIENT_FUNDS")
    assert await till.coins(earner) == 1_000


async def test_a_lost_answer_is_paid_once(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    await till.turn("earner@example.com", "payout", "silence")
    # Nobody tells: only the same batch, which is refused, leads to the one that there is.
    await till.turn("earner@example.com", "webhook", "unsent", 0)
    payout = await till.pay(earner)
    assert payout.state == "unknown"
    assert await till.shop.money() == IN_FLIGHT
    await till.later(minutes=1)
    assert await till.state(payout) == "paid"
    assert await till.shop.money() == PAID
    assert (await reported(till)).count("player_payout") == 1
    assert await till.holds()


async def test_the_webhook_names_the_batch_whose_answer_was_lost(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    await till.turn("earner@example.com", "payout", "silence")
    payout = await till.pay(earner)
    await till.reaches(payout, "paid")
    assert await till.shop.money() == PAID
    assert await till.holds()


async def test_a_request_that_was_lost_on_its_way_is_sent_again(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    await till.turn("earner@example.com", "payout", "error_before")
    payout = await till.pay(earner)
    assert payout.state == "unknown"
    await till.later(minutes=1)
    assert await till.state(payout) == "paid"
    assert (await reported(till)).count("player_payout") == 1


async def test_too_little_money_for_the_repeated_request_gives_nothing_back(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    await till.turn("earner@example.com", "payout", "error_before")
    payout = await till.pay(earner)
    await till.turn("earner@example.com", "payout", "INSUFFICIENT_FUNDS")
    await till.later(minutes=1)
    assert await till.state(payout) == "unknown"
    assert await till.coins(earner) == 500
    assert await till.shop.money() == IN_FLIGHT


async def test_while_paypal_is_silent_no_time_gives_coins_back(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    await till.turn("earner@example.com", "payout", "error_after", 0)
    await till.turn("earner@example.com", "webhook", "unsent", 0)
    payout = await till.pay(earner)
    for days in (1, 40, 400):
        await till.later(days=days)
    assert await till.state(payout) == "unknown"
    assert await till.coins(earner) == 500
    assert await till.shop.money() == IN_FLIGHT
    assert await till.holds()


async def test_past_its_time_an_operator_names_the_batch(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    await till.turn("earner@example.com", "payout", "silence")
    await till.turn("earner@example.com", "webhook", "unsent", 0)
    payout = await till.pay(earner)
    await till.later(days=3)
    assert await till.state(payout) == "unknown"
    batch = (await till.at_lab("/payouts/find", payout=payout.id))["payout_batch_id"]
    other = await till.pay(earner, 100)
    for named, stands in ((other.reference, "unknown"), (batch, "paid")):
        said = PayoutConfirmation(payout.id, {"batch": str(named)})
        await confirm_payout(till.shop.payments, till.shop.tenant, "op_1", new_id("key"), said)
        assert await till.state(payout) == stands
    assert await till.shop.money() == {"provider:paypal": 300, "payout_cost": -300}
    assert await till.holds()


async def test_a_receiver_without_an_account_claims_it_later(till: PayoutTill):
    earner = await till.earner(email="unclaimed@example.com")
    payout = await till.pay(earner)
    assert (payout.state, payout.code) == ("pending", "RECEIVER_UNREGISTERED")
    assert await till.shop.money() == IN_FLIGHT
    await till.at_lab("/payouts", payout=payout.id, status="SUCCESS")
    await till.reaches(payout, "paid")
    assert await till.shop.money() == PAID
    assert await till.holds()


async def test_what_nobody_claims_comes_back_with_its_coins(till: PayoutTill):
    earner = await till.earner(email="unclaimed@example.com")
    payout = await till.pay(earner)
    await till.at_lab("/payouts", payout=payout.id, status="RETURNED")
    await till.reaches(payout, "returned")
    assert await till.coins(earner) == 1_000
    assert await till.shop.money() == {}
    assert await till.holds()


@pytest.mark.parametrize("status", ["REFUNDED", "REVERSED"])
async def test_money_that_comes_back_after_it_was_paid_brings_the_coins_once(
    till: PayoutTill, status: str
):
    earner = await till.earner(email="earner@example.com")
    payout = await till.pay(earner)
    await till.turn(payout.id, "webhook", "duplicate", 0)
    await till.at_lab("/payouts", payout=payout.id, status=status)
    if status == "REVERSED":
        # PayPal has no event of it: a look finds out.
        await till.later(days=2)
    await till.reaches(payout, "returned")
    await till.rest()
    await till.later(days=3)
    assert await till.coins(earner) == 1_000
    assert await till.shop.money() == {}
    assert (await till.shop.kinds()).count("payout_returned") == 1
    assert await till.holds()


async def test_events_in_the_wrong_order_change_nothing_at_the_end(till: PayoutTill):
    earner = await till.earner(email="unclaimed@example.com")
    await till.turn("unclaimed@example.com", "webhook", "reordered", 2)
    payout = await till.pay(earner)
    await till.at_lab("/payouts", payout=payout.id, status="SUCCESS")
    await till.at_lab("/payouts", payout=payout.id, status="REFUNDED")
    await till.reaches(payout, "returned")
    await till.rest()
    assert await till.state(payout) == "returned"
    assert await till.coins(earner) == 1_000
    assert await till.holds()


async def test_the_report_matches_payouts_and_their_fees_are_booked_once(till: PayoutTill):
    earner = await till.earner(email="earner@example.com")
    payout = await till.pay(earner)
    back = await till.pay(earner, 200)
    await till.turn(back.id, "webhook", "unsent", 0)
    await till.at_lab("/payouts", payout=back.id, status="REFUNDED")
    for _ in range(2):
        lines = await reconciled(till.shop, "paypal")
        assert {(one.kind, one.state, one.gross_minor, one.payout) for one in lines} == {
            ("player_payout", "matched", -250, payout.id),
            ("player_payout", "matched", -100, back.id),
            # The return, of which nobody had told, was asked about because of this line.
            ("player_payout", "matched", 100, back.id),
            ("fee", "fee", 0, None),
        }
    assert await till.state(back) == "returned"
    assert await till.shop.money() == {
        "provider:paypal": 300, "payout_cost": -250, "fees": -50,
    }  # fmt: skip
    assert await till.holds()


async def reported(till: PayoutTill) -> list[str]:
    return [line.kind for line in await reconciled(till.shop, "paypal")]
