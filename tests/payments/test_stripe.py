"""The whole first purchase against localstripe, a Stripe server that no one here wrote."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from tests.house import House
from tests.payments.reckoning import reconciled
from tests.payments.shop import Shop, open_shop
from tests.payments.web import Web, served
from tests.servers.localstripe import LocalStripe

from guildbank.kernel import Refusal
from guildbank.ledger import prove
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.read import get_payment
from guildbank.plugin_api import NextAction
from guildbank_stripe.plugin import StripeProvider


@pytest.fixture(scope="module")
def stripe() -> Iterator[LocalStripe]:
    with LocalStripe() as running:
        yield running


@pytest.fixture
async def shop(house: House, stripe: LocalStripe) -> AsyncIterator[Shop]:
    plugin = StripeProvider()
    shop = await open_shop(house, plugins=(("stripe", plugin),))
    made = await configure_provider(
        shop.payments, shop.tenant, "stripe", stripe.settings(), enabled=True
    )
    assert not isinstance(made, Refusal), made
    async with served(Web(shop)) as url:
        shop.payments.url = url
        yield shop
    # Before the server has ended, a webhook could open a connection anew, for nobody to close.
    await shop.payments.close()


async def buy(shop: Shop, stripe: LocalStripe, player: str, card: str) -> Intent:
    method = await asyncio.to_thread(stripe.card, card)
    return await shop.buy(player, provider="stripe", method=method)


async def test_a_card_pays_for_coins_that_are_spent_and_the_rest_refunded(
    shop: Shop, stripe: LocalStripe
):
    player = await shop.player()
    intent = await buy(shop, stripe, player, "4242424242424242")
    assert intent.state == "credited"
    assert await shop.money() == {"provider:stripe": -499, "backing": 499}
    await shop.spend(player, 20)  # of the bonus, which goes first
    await shop.refunded(intent, 99)
    # floor(500*99/499) = 99 and floor(50*99/499) = 9 coins went with 99 minor units.
    assert await shop.coins(player) == {"paid": 401, "bonus": 21}
    whole = await shop.refund(intent)
    assert isinstance(whole, Refusal)
    assert whole.code == "refund_exceeds_unspent"
    assert await shop.money() == {"provider:stripe": -400, "backing": 400}


async def test_an_unspent_card_payment_goes_back_to_the_last_cent(shop: Shop, stripe: LocalStripe):
    player = await shop.player()
    intent = await buy(shop, stripe, player, "4242424242424242")
    await shop.refunded(intent, 99)
    assert await shop.coins(player) == {"paid": 401, "bonus": 41}
    await shop.refunded(intent)
    assert await shop.left() == {}


async def test_a_refused_card_credits_nothing(shop: Shop):
    refused = "pm_card_chargeCustomerFail"
    intent = await shop.buy(await shop.player(), provider="stripe", method=refused)
    assert intent.state == "requires_payment_method"
    assert await shop.balances() == {}


@pytest.mark.parametrize("by", ["poll", "webhook"])
async def test_a_card_that_asks_the_player_credits_once_confirmed(
    shop: Shop, stripe: LocalStripe, by: str
):
    if by == "webhook":
        url = f"{shop.payments.url}/v1/webhooks/{shop.tenant.slug}/stripe"
        await asyncio.to_thread(stripe.deliver_webhooks_to, url)
    player = await shop.player()
    intent = await buy(shop, stripe, player, "4000002500003155")
    assert intent.state == "requires_action"
    (attempt,) = (await shop.dossier(intent)).attempts
    action = msgspec.json.decode(attempt.action or "", type=NextAction)
    assert attempt.reference
    assert action.client_secret
    await asyncio.to_thread(
        lambda: stripe.authenticate(
            attempt.reference or "", action.client_secret or "", success=True
        )
    )
    for _ in range(100):
        if by == "poll":
            await get_payment(shop.payments, shop.tenant, intent.id)
        if await shop.state(intent) == "credited":
            break
        await asyncio.sleep(0.05)
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def test_stripes_report_agrees_with_the_books_and_what_it_kept_is_booked(
    shop: Shop, stripe: LocalStripe
):
    intent = await buy(shop, stripe, await shop.player(), "4242424242424242")
    await shop.refunded(intent, 99)
    lines = [line for line in await reconciled(shop, "stripe") if line.payment_id == intent.id]
    assert sorted((line.kind, line.state, line.gross_minor, line.fee_minor) for line in lines) == [
        ("capture", "matched", 499, 44),
        ("refund", "matched", -99, 0),
    ]
    proof = await prove(shop.house.db, shop.tenant.schema)
    assert proof.ok, proof.problems
