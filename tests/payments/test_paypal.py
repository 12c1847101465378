"""Purchases through PayPal, played by the lab: approved, given back, disputed, gone wrong."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import msgspec
import pytest
from tests.house import House
from tests.payments.paypal_till import Till
from tests.payments.reckoning import reconciled
from tests.payments.shop import open_shop
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.cancel import cancel_payment
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_paypal.plugin import PayPalProvider

BOUGHT = {"paid": 500, "bonus": 50}
TAKEN = {"provider:paypal": -499, "backing": 499}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[Till]:
    plugin = PayPalProvider(timeout_seconds=1)
    shop = await open_shop(house, spent_coins="debt", plugins=(("paypal", plugin),))
    async with served(Web(shop)) as url:
        shop.payments.url = url
        hook = f"{url}/v1/webhooks/{shop.tenant.slug}/paypal"
        settings = await asyncio.to_thread(lab.open_paypal, hook)
        made = await configure_provider(
            shop.payments, shop.tenant, "paypal", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        yield Till(shop, lab)
    # Before the server has ended, a webhook could open a connection anew, for nobody to close.
    await shop.payments.close()


async def test_a_player_approves_on_the_page_and_the_webhook_credits(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player)
    assert intent.state == "requires_action"
    back = await till.choose(intent)
    assert back.status_code == 303
    assert back.headers["location"] == f"http://localhost/back?token={await till.order(intent)}"
    await till.reaches(intent, "credited")
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == TAKEN


async def test_without_any_webhook_a_look_captures_and_credits(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.choose(intent, "no_webhooks")
    assert await till.shop.state(intent) == "requires_action"
    assert await till.poll(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert await till.heard() == 0


@pytest.mark.parametrize("choice", ["webhooks_three_times", "webhooks_late"])
async def test_webhooks_that_come_often_or_late_credit_once(till: Till, choice: str):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.choose(intent, choice)
    await till.reaches(intent, "credited")
    for _ in range(100):
        if await till.heard() == 2:
            break
        await asyncio.sleep(0.05)
    await till.shop.payments.drain()
    assert await till.heard() == 2
    assert await till.shop.coins(player) == BOUGHT
    assert (await till.shop.kinds()).count("credited") == 1


async def test_a_webhook_that_a_stranger_signed_changes_nothing(till: Till):
    intent = await till.buy(await till.shop.player())
    await till.choose(intent, "webhooks_forged")
    await asyncio.sleep(0.5)
    assert await till.heard() == 0
    assert await till.shop.state(intent) == "requires_action"
    assert await till.poll(intent) == "credited"


async def test_a_declined_card_sends_the_player_back_to_choose_another(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player)
    # At a minute's beginning, so that the test does not straddle two.
    till.shop.clock.by += timedelta(seconds=60 - till.shop.clock.now().second)
    await till.choose(intent, "declined_card")

    async def told() -> bool:
        return await till.heard() == 1

    await till.until(told)
    await till.shop.payments.drain()
    assert await till.shop.state(intent) == "requires_action"
    assert await till.order(intent) in await till.page(intent)
    # However often the game asks meanwhile, the declined card is not tried again.
    assert await till.poll(intent) == "requires_action"
    till.shop.clock.by += timedelta(minutes=1)
    await till.choose(intent)
    await till.reaches(intent, "credited")
    assert await till.shop.coins(player) == BOUGHT


async def test_a_payment_refused_for_good_can_be_tried_anew_and_is_paid_once(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player)
    first = await till.order(intent)
    await till.choose(intent, "refused")
    await till.reaches(intent, "requires_payment_method")
    assert (await till.shop.dossier(intent)).intent.problem == "declined"
    again = await till.shop.retry(intent)
    assert not isinstance(again, Refusal)
    await till.choose(intent)
    await till.reaches(intent, "credited")
    till.shop.clock.by += timedelta(minutes=1)
    await asyncio.to_thread(till.lab.approve, first)
    await till.shop.payments.drain()
    assert await till.shop.money() == TAKEN


async def test_money_under_review_is_credited_once_paypal_lets_it_through(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.choose(intent, "pending")
    await till.reaches(intent, "processing")
    assert await till.shop.balances() == {}
    await till.at_lab("/settle", order=await till.order(intent), status="COMPLETED")
    await till.reaches(intent, "credited")
    assert await till.shop.coins(player) == BOUGHT


async def test_money_under_review_that_is_denied_credits_nothing(till: Till):
    intent = await till.buy(await till.shop.player())
    await till.choose(intent, "pending")
    await till.reaches(intent, "processing")
    await till.at_lab("/settle", order=await till.order(intent), status="DECLINED")
    await till.reaches(intent, "requires_payment_method")
    assert await till.shop.balances() == {}


@pytest.mark.parametrize("effect", ["silence", "lost", "error_after", "error_before"])
async def test_an_order_that_paypal_never_told_us_of_is_given_up_and_tried_anew(
    till: Till, effect: str
):
    player = await till.shop.player()
    await till.turn("*", "create", effect)
    intent = await till.buy(player)
    assert intent.state == "unknown"
    assert await till.poll(intent) == "unknown"
    till.shop.clock.by += timedelta(minutes=3)
    assert await till.poll(intent) == "requires_payment_method"
    again = await till.shop.retry(intent)
    assert not isinstance(again, Refusal)
    await till.choose(intent)
    await till.reaches(intent, "credited")
    assert await till.shop.money() == TAKEN


@pytest.mark.parametrize("effect", ["silence", "lost", "error_after", "error_before"])
async def test_a_capture_whose_answer_is_missing_is_found_and_credited_once(
    till: Till, effect: str
):
    player = await till.shop.player()
    intent = await till.buy(player)
    order = await till.order(intent)
    await till.turn(order, "webhook", "unsent", 0)
    await till.turn(order, "capture", effect)
    await till.choose(intent)
    assert await till.poll(intent) == "requires_action"
    assert await till.shop.balances() == {}
    assert await till.poll(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == TAKEN


@pytest.mark.parametrize(("effect", "money"), [("WRONG_AMOUNT", "EUR"), ("WRONG_CURRENCY", "USD")])
async def test_another_amount_or_currency_than_asked_is_never_credited(
    till: Till, effect: str, money: str
):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.turn(await till.order(intent), "capture", effect)
    await till.choose(intent)
    await till.reaches(intent, "conflicted")
    await till.shop.payments.drain()
    (refund,) = await till.refunds(intent)
    assert (refund.state, refund.money, refund.origin) == ("succeeded", money, "system")
    assert await till.shop.balances() == {}


async def test_who_cancels_can_still_approve_and_no_money_is_taken(till: Till):
    player = await till.shop.player()
    intent = await till.buy(player)
    page = await till.page(intent)
    canceled = await cancel_payment(till.shop.payments, till.shop.tenant, "app", intent.id)
    assert isinstance(canceled, Intent)
    assert canceled.state == "canceled"
    async with httpx.AsyncClient(trust_env=False) as browser:
        form = {"token": page.rpartition("=")[2], "choice": "approve"}
        await browser.post(page.partition("?")[0], data=form)

    async def told() -> bool:
        return await till.heard() > 0

    await till.until(told)
    await till.shop.payments.drain()
    assert await till.shop.balances() == {}
    assert await till.shop.state(intent) == "canceled"


async def test_a_part_and_then_the_rest_is_given_back(till: Till):
    player = await till.shop.player()
    intent = await till.paid(player)
    await till.shop.refunded(intent, 99)
    # floor(500*99/499) = 99 and floor(50*99/499) = 9 coins went with 99 minor units.
    assert await till.shop.coins(player) == {"paid": 401, "bonus": 41}
    await till.shop.refunded(intent)
    assert await till.shop.left() == {}
    assert [one.state for one in await till.refunds(intent)] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("effect", ["silence", "lost", "error_after", "error_before"])
async def test_a_refund_whose_answer_is_missing_is_paid_once(till: Till, effect: str):
    intent = await till.paid(await till.shop.player())
    order = await till.order(intent)
    await till.turn(order, "webhook", "unsent", 0)
    await till.turn(order, "refund", effect)
    refund = await till.shop.refunded(intent, 100)
    assert refund.state == "unknown"
    await till.shop.later(minutes=3)
    (refund,) = await till.refunds(intent)
    assert refund.state == "succeeded"
    assert await till.shop.money() == {"provider:paypal": -399, "backing": 399}


async def test_a_refund_that_the_bank_refuses_restores_the_coins(till: Till):
    player = await till.shop.player()
    intent = await till.paid(player)
    order = await till.order(intent)
    await till.turn(order, "refund", "PENDING")
    refund = await till.shop.refunded(intent)
    assert refund.state == "pending"
    assert await till.shop.coins(player) == {}
    await till.at_lab("/settle", order=order, refund=refund.reference, status="FAILED")

    async def back() -> bool:
        return await till.shop.coins(player) == BOUGHT

    await till.until(back)
    assert await till.shop.money() == TAKEN


async def test_a_refund_made_at_paypal_takes_the_coins_too(till: Till):
    player = await till.shop.player()
    intent = await till.paid(player)
    await till.at_lab("/refunds", order=await till.order(intent), value="2.00")

    async def gone() -> bool:
        return await till.shop.coins(player) == {"paid": 300, "bonus": 30}

    await till.until(gone)
    (refund,) = await till.refunds(intent)
    assert (refund.origin, refund.amount_minor) == ("provider", 200)


async def test_a_lost_dispute_takes_money_and_coins_and_what_was_spent_is_owed(till: Till):
    shop = till.shop
    player = await shop.player()
    intent = await till.paid(player)
    await shop.spend(player, 60)
    case = await till.at_lab("/disputes", order=await till.order(intent))

    async def state(wanted: str) -> bool:
        return [one.state for one in (await shop.dossier(intent)).disputes] == [wanted]

    await till.until(lambda: state("needs_response"))
    assert await shop.coins(player) == {}
    assert await shop.money() == {"provider:paypal": -499, "backing": 9, "suspense": 490}
    refused = await shop.refund(intent, 1)
    assert isinstance(refused, Refusal)
    assert refused.code == "dispute_open"
    path = f"/disputes/{case['dispute_id']}/resolve"
    await till.at_lab(path, outcome="RESOLVED_BUYER_FAVOUR", refunded="4.99")
    await till.until(lambda: state("lost"))
    assert await shop.coins(player) == {"debt": -60}


async def test_a_dispute_lost_in_part_takes_that_part(till: Till):
    player = await till.shop.player()
    intent = await till.paid(player)
    case = await till.at_lab("/disputes", order=await till.order(intent))
    path = f"/disputes/{case['dispute_id']}/resolve"
    await till.at_lab(path, outcome="RESOLVED_BUYER_FAVOUR", refunded="1.00")

    async def gone() -> bool:
        return await till.shop.money() == {"provider:paypal": -399, "backing": 399}

    await till.until(gone)


@pytest.mark.parametrize(
    "outcome", ["RESOLVED_SELLER_FAVOUR", "RESOLVED_WITH_PAYOUT", "CANCELED_BY_BUYER", "DENIED"]
)
async def test_a_dispute_that_costs_us_nothing_changes_nothing(till: Till, outcome: str):
    player = await till.shop.player()
    intent = await till.paid(player)
    case = await till.at_lab("/disputes", order=await till.order(intent))
    await till.at_lab(f"/disputes/{case['dispute_id']}/resolve", outcome=outcome)

    async def won() -> bool:
        return [one.state for one in (await till.shop.dossier(intent)).disputes] == ["won"]

    await till.until(won)
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == TAKEN


async def test_tokens_that_ended_early_are_renewed_without_anybody_noticing(till: Till):
    intent = await till.buy(await till.shop.player())
    await till.at_lab("/forget-tokens")
    await till.choose(intent)
    await till.reaches(intent, "credited")


async def test_a_live_tenant_cannot_be_led_to_the_lab(till: Till):
    live = msgspec.structs.replace(till.shop.tenant, mode="live")
    settings = await asyncio.to_thread(till.lab.open_paypal, "http://127.0.0.1:9/hook")
    made = await configure_provider(till.shop.payments, live, "paypal", settings, enabled=True)
    assert isinstance(made, Refusal)
    assert (made.code, made.field) == ("invalid_settings", "settings.lab_url")


async def test_paypals_search_agrees_with_the_books_and_what_it_kept_is_booked(till: Till):
    given, back, disputed = [await till.paid(await till.shop.player()) for _ in range(3)]
    await till.shop.refunded(given, 99)
    await till.at_lab("/refunds", order=await till.order(back), value="1.00")
    case = await till.at_lab("/disputes", order=await till.order(disputed))
    await till.at_lab(f"/disputes/{case['dispute_id']}/resolve", outcome="RESOLVED_BUYER_FAVOUR")

    async def booked() -> bool:
        kinds = await till.shop.kinds()
        return kinds.count("refunded") == 2 and "dispute_lost" in kinds

    await till.until(booked)
    # What happened in this second belongs to the next one's report.
    till.shop.clock.by += timedelta(seconds=1)
    lines = await reconciled(till.shop, "paypal")
    assert sorted((line.kind, line.state, line.gross_minor, line.fee_minor) for line in lines) == [
        ("capture", "matched", 499, 47),
        ("capture", "matched", 499, 47),
        ("capture", "matched", 499, 47),
        ("dispute", "matched", -499, 0),
        ("fee", "fee", 0, 1600),
        ("refund", "matched", -100, 0),
        ("refund", "matched", -99, 0),
    ]
    proof = await prove(till.shop.house.db, till.shop.tenant.schema)
    (money,) = [one for one in proof.money if one.money == "EUR"]
    assert proof.ok, proof.problems
    assert (money.fees, money.held) == (1741, 3 * 499 - 199 - 499 - 1741)
    assert [line.fee_seq is not None for line in lines] == [line.fee_minor > 0 for line in lines]
