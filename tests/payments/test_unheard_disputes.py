"""Disputes at Stripe and PayPal, played by the lab, whose webhooks are never sent, end right."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from tests.house import House
from tests.payments import paypal_till, stripe_till
from tests.payments.reckoning import reconciled
from tests.payments.shop import Shop, open_shop
from tests.payments.test_suspense import held, proved
from tests.payments.turns import turn
from tests.payments.web import Web, served
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Dispute, Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.mind_disputes import mind_disputes
from guildbank_paypal.plugin import PayPalProvider

BOUGHT = {"paid": 500, "bonus": 50}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=4) as running:
        yield running


@pytest.fixture
async def stripe(house: House, lab: LabServer) -> AsyncIterator[stripe_till.Till]:
    async with stripe_till.open_till(house, lab) as (till, _):
        yield till


@pytest.fixture
async def paypal(house: House, lab: LabServer) -> AsyncIterator[paypal_till.Till]:
    plugin = PayPalProvider(timeout_seconds=2)
    shop = await open_shop(house, spent_coins="debt", plugins=(("paypal", plugin),))
    async with served(Web(shop)) as url:
        shop.payments.url = url
        hook = f"{url}/v1/webhooks/{shop.tenant.slug}/paypal"
        settings = await asyncio.to_thread(lab.open_paypal, hook)
        made = await configure_provider(
            shop.payments, shop.tenant, "paypal", settings, enabled=True
        )
        assert not isinstance(made, Refusal), made
        yield paypal_till.Till(shop, lab)
    await shop.payments.close()


async def minded(shop: Shop, **later: float) -> int:
    shop.clock.by += timedelta(**later)
    return await turn(mind_disputes, shop.payments, shop.tenant)


async def the_dispute(shop: Shop, intent: Intent) -> Dispute:
    (found,) = (await shop.dossier(intent)).disputes
    return found


async def agrees(shop: Shop, provider: str) -> None:
    """The books say of money what the company says, and the proof holds."""
    shop.clock.by += timedelta(seconds=1)
    states = {line.state for line in await reconciled(shop, provider)}
    assert states <= {"matched", "fee"}, states
    await proved(shop)


async def bought(till: stripe_till.Till, spent: int = 60) -> tuple[str, Intent]:
    player = await till.shop.player()
    intent = await till.buy(player)
    assert intent.state == "credited"
    await till.shop.spend(player, spent)
    return player, intent


@pytest.mark.parametrize("unsent", [1, 0], ids=["its money", "its money and its end"])
@pytest.mark.parametrize("withdraws", [True, False], ids=["taken at once", "taken in the end"])
async def test_stripe_is_asked_about_a_lost_dispute_of_which_it_never_told(
    stripe: stripe_till.Till, withdraws: bool, unsent: int
):
    shop = stripe.shop
    player, intent = await bought(stripe)
    dispute = await stripe.dispute(intent, withdraws=False)
    await stripe.turn((await stripe.attempt(intent)).id, "webhook", "unsent", unsent)
    if withdraws:
        await stripe.at_lab(f"/disputes/{dispute.reference}/withdraw")
    await stripe.at_lab(f"/disputes/{dispute.reference}/decide", outcome="lost")
    await stripe.rest()
    assert await held(shop) == 490
    assert await minded(shop, days=1) == 1
    assert await held(shop) == 0
    ended = await the_dispute(shop, intent)
    assert (ended.state, ended.withdrawn) == ("lost", True)
    assert await shop.coins(player) == {"debt": -60}
    assert await minded(shop, days=1) == 0
    await agrees(shop, "stripe")


async def test_stripe_is_asked_about_a_won_dispute_of_which_it_never_told(
    stripe: stripe_till.Till,
):
    shop = stripe.shop
    _, intent = await bought(stripe)
    before = await shop.left()
    dispute = await stripe.dispute(intent)
    assert dispute.withdrawn
    await stripe.turn((await stripe.attempt(intent)).id, "webhook", "unsent", 0)
    await stripe.at_lab(f"/disputes/{dispute.reference}/decide", outcome="won")
    await stripe.rest()
    assert await minded(shop, days=1) == 1
    assert (await the_dispute(shop, intent)).state == "won"
    assert await shop.left() == before
    assert await held(shop) == 0
    await agrees(shop, "stripe")


async def test_coins_come_back_where_stripe_says_that_a_lost_dispute_cost_nothing(
    stripe: stripe_till.Till,
):
    shop = stripe.shop
    _, intent = await bought(stripe)
    before = await shop.left()
    dispute = await stripe.dispute(intent, withdraws=False)
    await stripe.at_lab(f"/disputes/{dispute.reference}/decide", outcome="lost", takes=False)
    await stripe.rest()
    await minded(shop, days=1)
    assert await held(shop) == 490
    await minded(shop, days=7)
    assert await held(shop) == 0
    assert await shop.left() == before
    await agrees(shop, "stripe")


async def test_stripes_report_tells_of_a_dispute_that_no_webhook_told_of(
    stripe: stripe_till.Till,
):
    shop = stripe.shop
    player, intent = await bought(stripe)
    await stripe.turn((await stripe.attempt(intent)).id, "webhook", "unsent", 0)
    payment = (await stripe.attempt(intent)).id
    case = await stripe.at_lab("/disputes", payment=payment)
    await stripe.at_lab(f"/disputes/{case['id']}/decide", outcome="lost")
    assert (await shop.dossier(intent)).disputes == []
    await agrees(shop, "stripe")
    ended = await the_dispute(shop, intent)
    assert (ended.reference, ended.state, ended.withdrawn) == (case["id"], "lost", True)
    assert await shop.coins(player) == {"debt": -60}


async def disputed(till: paypal_till.Till, **how: object) -> tuple[str, Intent, str]:
    """A payment whose dispute was heard of, and of which no further webhook is sent."""
    player = await till.shop.player()
    intent = await till.paid(player)
    await till.shop.spend(player, 60)
    case = await till.at_lab("/disputes", order=await till.order(intent), **how)

    async def known() -> bool:
        return bool((await till.shop.dossier(intent)).disputes)

    await till.until(known)
    await till.turn(await till.order(intent), "webhook", "unsent", 0)
    return player, intent, str(case["dispute_id"])


@pytest.mark.parametrize(
    ("outcome", "said", "left"),
    [
        pytest.param("RESOLVED_BUYER_FAVOUR", {}, {"debt": -60}, id="lost"),
        pytest.param("ACCEPTED", {}, {"debt": -60}, id="accepted"),
        pytest.param(
            "RESOLVED_BUYER_FAVOUR",
            {"refunded": "1.00"},
            {"paid": 390, "debt": -10},
            id="lost in part",
        ),
        pytest.param("RESOLVED_SELLER_FAVOUR", {}, {"paid": 490}, id="won"),
        pytest.param("CANCELED_BY_BUYER", {}, {"paid": 490}, id="given up"),
    ],
)
async def test_paypal_is_asked_how_a_dispute_ended_of_which_it_never_told(
    paypal: paypal_till.Till, outcome: str, said: dict[str, str], left: dict[str, int]
):
    shop = paypal.shop
    player, intent, case = await disputed(paypal)
    await paypal.at_lab(f"/disputes/{case}/resolve", outcome=outcome, **said)
    assert await held(shop) == 490
    assert await minded(shop, days=1) == 1
    assert await held(shop) == 0
    assert (await the_dispute(shop, intent)).state == ("won" if left == {"paid": 490} else "lost")
    assert await shop.coins(player) == left
    assert await minded(shop, days=1) == 0
    await agrees(shop, "paypal")


async def test_paypals_report_has_a_dispute_that_is_open_here_asked_about(
    paypal: paypal_till.Till,
):
    player, intent, case = await disputed(paypal)
    await paypal.at_lab(f"/disputes/{case}/resolve", outcome="RESOLVED_BUYER_FAVOUR")
    await agrees(paypal.shop, "paypal")
    assert (await the_dispute(paypal.shop, intent)).state == "lost"
    assert await paypal.shop.coins(player) == {"debt": -60}


@pytest.mark.parametrize("effect", ["silence", "error_before"])
async def test_paypal_that_does_not_answer_is_asked_again(paypal: paypal_till.Till, effect: str):
    _, intent, case = await disputed(paypal)
    await paypal.at_lab(f"/disputes/{case}/resolve", outcome="ACCEPTED")
    await paypal.turn(case, "get", effect)
    await minded(paypal.shop, days=1)
    assert await held(paypal.shop) == 490
    await minded(paypal.shop, days=1)
    assert await held(paypal.shop) == 0
    assert (await the_dispute(paypal.shop, intent)).state == "lost"


def due(dispute: Dispute, shop: Shop) -> int:
    """Until when it is to be answered, in days from now."""
    assert dispute.answer_by is not None
    return round((dispute.answer_by - shop.clock.now()) / timedelta(days=1))


@pytest.mark.parametrize("may_read", [True, False], ids=["by a look", "by the event alone"])
async def test_what_paypal_tells_of_a_change_is_noted(paypal: paypal_till.Till, may_read: bool):
    shop = paypal.shop
    player = await shop.player()
    intent = await paypal.paid(player)
    order = await paypal.order(intent)
    if not may_read:
        await paypal.turn(order, "get", "PERMISSION_DENIED", 0)
    case = await paypal.at_lab("/disputes", order=order, stage="INQUIRY", answer_days=20)

    async def stands(state: str, days: int, minor: int) -> bool:
        found = (await shop.dossier(intent)).disputes
        return [(one.state, due(one, shop), one.amount_minor) for one in found] == [
            (state, days, minor)
        ]

    await paypal.until(lambda: stands("needs_response", 20, 499))
    assert await held(shop) == 550
    path = f"/disputes/{case['dispute_id']}/update"
    await paypal.at_lab(path, status="WAITING_FOR_BUYER_RESPONSE", value="2.00")
    await paypal.until(lambda: stands("under_review", 20, 200))
    assert await held(shop) == 220
    assert await shop.coins(player) == {"paid": 300, "bonus": 30}
    await paypal.at_lab(
        path, stage="CHARGEBACK", status="WAITING_FOR_SELLER_RESPONSE", value="4.99", answer_days=7
    )
    await paypal.until(lambda: stands("needs_response", 7, 499))
    assert await held(shop) == 550
    await paypal.at_lab(f"/disputes/{case['dispute_id']}/resolve", outcome="DENIED")
    await paypal.until(lambda: stands("won", 7, 499))
    assert await shop.coins(player) == BOUGHT
    assert await held(shop) == 0


async def test_an_appeal_that_is_won_gives_money_and_coins_back(paypal: paypal_till.Till):
    shop = paypal.shop
    intent = await paypal.paid(await shop.player())
    before = await shop.left()
    case = await paypal.at_lab("/disputes", order=await paypal.order(intent))
    path = f"/disputes/{case['dispute_id']}"
    await paypal.at_lab(f"{path}/resolve", outcome="RESOLVED_BUYER_FAVOUR")

    async def lost() -> bool:
        return [one.state for one in (await shop.dossier(intent)).disputes] == ["lost"]

    await paypal.until(lost)
    assert await shop.left() == {}
    await paypal.at_lab(f"{path}/appeal")
    await paypal.at_lab(f"{path}/resolve", outcome="RESOLVED_SELLER_FAVOUR")

    async def back() -> bool:
        return (await the_dispute(shop, intent)).reinstated

    await paypal.until(back)
    assert await shop.left() == before
    await proved(shop)


async def test_a_dispute_at_paypal_is_heard_of_by_its_change_too(paypal: paypal_till.Till):
    intent = await paypal.paid(await paypal.shop.player())
    order = await paypal.order(intent)
    await paypal.turn(order, "webhook", "unsent")
    case = await paypal.at_lab("/disputes", order=order)
    await paypal.at_lab(f"/disputes/{case['dispute_id']}/update", status="UNDER_REVIEW")

    async def known() -> bool:
        return [one.state for one in (await paypal.shop.dossier(intent)).disputes] == [
            "under_review"
        ]

    await paypal.until(known)
    assert await held(paypal.shop) == 550
