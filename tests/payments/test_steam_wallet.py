"""Purchases from Steam's wallets, played by the lab: approved, confirmed, gone wrong."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from tests.house import House
from tests.payments.shop import open_shop
from tests.payments.steam_till import SteamTill
from tests.servers.lab import LabServer

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.payments.usecases.cancel import cancel_payment, expire_payments
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.plugin_api import Payer
from guildbank_steampay.plugin import SteamWalletProvider

BOUGHT = {"paid": 500, "bonus": 50}
TAKEN = {"provider:steam_wallet": -499, "backing": 499}


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=2) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[SteamTill]:
    plugin = SteamWalletProvider(timeout_seconds=1)
    shop = await open_shop(house, spent_coins="debt", plugins=(("steam_wallet", plugin),))
    settings = await asyncio.to_thread(lab.open_steam)
    made = await configure_provider(
        shop.payments, shop.tenant, "steam_wallet", settings, enabled=True
    )
    assert not isinstance(made, Refusal), made
    yield SteamTill(shop, lab, settings)
    await shop.payments.close()


async def test_a_player_approves_in_the_game_and_a_confirmation_credits(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    assert intent.state == "requires_action"
    action = await till.action(intent)
    assert action is not None
    assert action.kind == "steam_overlay"
    heard = await till.approve(intent)
    assert heard == {"order_id": (action.details or {})["orderId"], "authorized": "1"}
    assert isinstance(await till.confirm(intent, heard), Receipt)
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == TAKEN


@pytest.mark.parametrize("flag", ["1", "0", "true"])
async def test_the_client_s_flag_is_not_believed(till: SteamTill, flag: str):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = {"order_id": await till.order(intent), "authorized": flag}
    assert await till.confirm(intent, heard) is None
    assert await till.shop.state(intent) == "requires_action"
    assert await till.shop.coins(player) == {}
    await till.approve(intent)
    await till.confirm(intent, heard)
    assert await till.shop.coins(player) == BOUGHT


async def test_another_order_s_number_confirms_nothing(till: SteamTill):
    player = await till.shop.player()
    first, second = await till.buy(player), await till.buy(player)
    other = await till.approve(second)
    refused = await till.confirm(first, other)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("confirmation_refused", "data.order_id")
    assert await till.shop.coins(player) == {}


async def test_confirmed_twice_at_once_it_is_paid_once(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await asyncio.gather(*(till.confirm(intent, heard) for _ in range(4)))
    assert await till.shop.state(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT
    assert (await till.shop.kinds()).count("credited") == 1


async def test_a_look_takes_no_money_of_an_order_that_nobody_confirmed(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.approve(intent)
    assert await till.poll(intent) == "requires_action"
    assert await till.action(intent) is not None
    assert await till.shop.coins(player) == {}


async def test_a_player_who_says_no_can_try_again(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    await till.at_lab("/deny", order=await till.order(intent))
    assert await till.poll(intent) == "requires_payment_method"
    assert await till.shop.coins(player) == {}


async def test_money_that_was_taken_without_saying_so_is_found_by_a_look(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await till.turn(await till.order(intent), "capture", "silence")
    assert await till.confirm(intent, heard) is None
    assert await till.shop.state(intent) == "requires_action"
    assert await till.poll(intent) == "credited"
    assert await till.shop.coins(player) == BOUGHT


async def test_what_did_not_reach_steam_can_be_confirmed_again(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await till.turn(await till.order(intent), "capture", "lost")
    assert await till.confirm(intent, heard) is None
    assert await till.poll(intent) == "requires_action"
    await till.confirm(intent, heard)
    assert await till.shop.coins(player) == BOUGHT


@pytest.mark.parametrize(
    ("code", "problem", "state"),
    [
        (100, "insufficient_funds", "requires_payment_method"),
        (101, "expired", "requires_payment_method"),
        (104, "fraud_suspected", "failed"),
        (106, "limit_exceeded", "requires_payment_method"),
    ],
)
async def test_a_refusal_at_the_end_is_told_in_the_words_of_all_providers(
    till: SteamTill, code: int, problem: str, state: str
):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await till.turn(await till.order(intent), "capture", f"ERROR_{code}")
    assert await till.confirm(intent, heard) is None
    dossier = await till.shop.dossier(intent)
    assert (dossier.intent.problem, dossier.intent.state.value) == (problem, state)
    assert await till.shop.coins(player) == {}
    # What was declined is not finished later, whatever the order looks like at Steam.
    again = await till.confirm(intent, heard)
    assert isinstance(again, Refusal)
    assert again.code == "payment_not_confirmable"


@pytest.mark.parametrize("code", [2, 4, 999])
async def test_an_error_of_steam_s_own_leaves_the_payment_waiting(till: SteamTill, code: int):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await till.turn(await till.order(intent), "capture", f"ERROR_{code}")
    assert await till.confirm(intent, heard) is None
    assert await till.shop.state(intent) == "requires_action"
    await till.confirm(intent, heard)
    assert await till.shop.coins(player) == BOUGHT


async def test_an_order_whose_making_got_no_answer_is_found_and_paid(till: SteamTill):
    player = await till.shop.player()
    await till.turn(till.gamer, "create", "silence")
    intent = await till.buy(player)
    assert intent.state == "unknown"
    assert await till.poll(intent) == "requires_action"
    await till.confirm(intent, await till.approve(intent))
    assert await till.shop.coins(player) == BOUGHT


async def test_an_order_that_never_reached_steam_ends_without_money(till: SteamTill):
    await till.turn(till.gamer, "create", "lost")
    intent = await till.buy(await till.shop.player())
    assert intent.state == "unknown"
    assert await till.poll(intent) == "unknown"
    await till.shop.later(minutes=3)
    dossier = await till.shop.dossier(intent)
    assert (dossier.intent.state.value, dossier.intent.problem) == (
        "requires_payment_method", "never_arrived",
    )  # fmt: skip


@pytest.mark.parametrize("effect", ["SALES_TAX", "VAT_INCLUDED"])
async def test_a_tax_on_top_or_within_pays_the_price(till: SteamTill, effect: str):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await till.turn(await till.order(intent), "capture", effect)
    await till.confirm(intent, heard)
    assert await till.shop.coins(player) == BOUGHT
    assert await till.shop.money() == TAKEN


@pytest.mark.parametrize("effect", ["WRONG_AMOUNT", "WRONG_CURRENCY"])
async def test_another_sum_or_money_buys_nothing_and_goes_back(till: SteamTill, effect: str):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await till.turn(await till.order(intent), "capture", effect)
    await till.confirm(intent, heard)
    await till.shop.payments.drain()
    assert await till.shop.state(intent) == "conflicted"
    assert await till.shop.coins(player) == {}
    assert [one.state.value for one in await till.refunds(intent)] == ["succeeded"]
    assert not any((await till.shop.balances()).values())


@pytest.mark.parametrize(
    ("wallet", "problem"),
    [
        ({"currency": "GBP"}, "currency_not_supported"),
        ({"status": "Locked from purchasing"}, "declined"),
    ],
)
async def test_a_wallet_that_cannot_pay_is_told_before_the_player_is_asked(
    till: SteamTill, wallet: dict[str, str], problem: str
):
    await till.at_lab("/wallets", steam_id=till.gamer, **wallet)
    intent = await till.buy(await till.shop.player())
    dossier = await till.shop.dossier(intent)
    assert dossier.intent.problem == problem
    assert dossier.attempts[0].reference is None


async def test_who_signs_in_with_steam_pays_by_that_account(till: SteamTill):
    player = await till.shop.player()
    await till.link(player, till.gamer)
    intent = await till.buy(player, payer=None)
    assert intent.state == "requires_action"
    await till.turn(till.gamer, "capture", "ERROR_10")
    await till.confirm(intent, await till.approve(intent))
    assert (await till.shop.dossier(intent)).intent.problem == "canceled_by_player"


async def test_without_a_steam_account_nobody_is_asked_to_pay(till: SteamTill):
    intent = await till.buy(await till.shop.player(), payer=None)
    (attempt,) = (await till.shop.dossier(intent)).attempts
    assert (attempt.state.value, attempt.code) == ("declined", "payer_unknown")


async def test_on_the_web_the_player_approves_on_a_page_and_comes_back(till: SteamTill):
    player = await till.shop.player()
    payer = Payer(subject=till.gamer, address="203.0.113.7")
    back = "http://localhost/back?x=1"
    intent = await till.buy(player, method="web", payer=payer, return_url=back)
    action = await till.action(intent)
    assert action is not None
    assert action.url is not None
    order = (action.details or {})["orderId"]
    async with httpx.AsyncClient(trust_env=False) as browser:
        page = await browser.get(action.url)
        assert "4.99 EUR" in page.text.replace("</b>", "").replace("<b>", "")
        form = {"choice": "approve", "returnurl": back}
        done = await browser.post(action.url.partition("?")[0], data=form)
    assert (done.status_code, done.headers["location"]) == (303, back)
    await till.confirm(intent, {"order_id": order})
    assert await till.shop.coins(player) == BOUGHT


async def test_an_order_that_nobody_finishes_expires(till: SteamTill):
    intent = await till.buy(await till.shop.player())
    heard = await till.approve(intent)
    till.shop.clock.by += timedelta(hours=25)
    assert await expire_payments(till.shop.payments, till.shop.tenant) == 1
    assert await till.shop.state(intent) == "expired"
    late = await till.confirm(intent, heard)
    assert isinstance(late, Refusal)


async def test_money_that_comes_while_the_payment_is_canceled_goes_back(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard, order = await till.approve(intent), await till.order(intent)
    await asyncio.to_thread(till.lab.turn, order, "capture", "delay", 1, 0.6)
    finishing = asyncio.create_task(till.confirm(intent, heard))
    await asyncio.sleep(0.2)
    done = await cancel_payment(till.shop.payments, till.shop.tenant, player, intent.id)
    assert not isinstance(done, Refusal), done
    await finishing
    await till.shop.payments.drain()
    assert await till.shop.state(intent) == "canceled"
    assert await till.shop.coins(player) == {}
    assert [one.state.value for one in await till.refunds(intent)] == ["succeeded"]
    assert await till.shop.money() == {}


async def test_a_canceled_order_is_not_finished_by_who_approves_late(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    done = await cancel_payment(till.shop.payments, till.shop.tenant, player, intent.id)
    assert not isinstance(done, Refusal), done
    late = await till.confirm(intent, await till.approve(intent))
    assert isinstance(late, Refusal)
    assert late.code == "payment_not_confirmable"
    assert await till.shop.state(intent) == "canceled"
    assert await till.shop.coins(player) == {}


async def test_a_purchase_is_given_back_whole_and_no_part_of_it(till: SteamTill):
    player = await till.shop.player()
    intent = await till.paid(player)
    part = await till.shop.refunded(intent, 100)
    assert (part.state.value, part.code) == ("failed", "only_whole")
    assert await till.shop.coins(player) == BOUGHT
    whole = await till.shop.refunded(intent)
    assert whole.state == "succeeded"
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}


@pytest.mark.parametrize("effect", ["silence", "lost", "error_after", "error_before"])
async def test_a_refund_without_an_answer_is_paid_once(till: SteamTill, effect: str):
    intent = await till.paid(await till.shop.player())
    await till.turn(await till.order(intent), "refund", effect)
    refund = await till.shop.refunded(intent)
    assert refund.state == "unknown"
    await till.shop.later(minutes=3)
    await till.shop.later(minutes=6)
    (after,) = await till.refunds(intent)
    assert after.state == "succeeded"
    assert await till.shop.money() == {}
