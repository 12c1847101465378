"""What Valve and banks give back is read from Steam's reports: each line once, and none lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import httpx
import pytest
from tests.house import House
from tests.payments.reckoning import reconciled
from tests.payments.shop import open_shop
from tests.payments.steam_till import SteamTill
from tests.payments.test_suspense import proved
from tests.servers.lab import LabServer

from guildbank.kernel import Refusal
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank_steampay.plugin import SteamWalletProvider

BOUGHT = {"paid": 500, "bonus": 50}
FAULTS = ["Refunded", "RefundedSuspectedFraud", "RefundedFriendlyFraud"]


@pytest.fixture(scope="module")
def lab() -> Iterator[LabServer]:
    with LabServer(silence_seconds=3) as running:
        yield running


@pytest.fixture
async def till(house: House, lab: LabServer) -> AsyncIterator[SteamTill]:
    plugin = SteamWalletProvider(timeout_seconds=2)
    shop = await open_shop(house, spent_coins="debt", plugins=(("steam_wallet", plugin),))
    settings = await asyncio.to_thread(lab.open_steam)
    made = await configure_provider(
        shop.payments, shop.tenant, "steam_wallet", settings, enabled=True
    )
    assert not isinstance(made, Refusal), made
    yield SteamTill(shop, lab, settings)
    await shop.payments.close()


@pytest.mark.parametrize("status", FAULTS)
async def test_what_valve_refunds_takes_the_coins_once(till: SteamTill, status: str):
    player = await till.shop.player()
    intent, other = await till.paid(player), await till.paid(player)
    await till.reverse(intent, status)
    assert await till.report() == 1
    (refund,) = await till.refunds(intent)
    assert (refund.state.value, refund.amount_minor, refund.origin) == (
        "succeeded",
        499,
        "provider",
    )
    assert refund.reason == status
    assert await till.shop.coins(player) == BOUGHT
    assert await till.report() == 0
    assert len(await till.refunds(intent)) == 1
    assert await till.refunds(other) == []


async def test_a_part_that_is_refunded_takes_its_part_and_the_rest_the_rest(till: SteamTill):
    player = await till.shop.player()
    intent = await till.paid(player)
    await till.reverse(intent, "PartialRefund", part=199)
    await till.report()
    assert [one.amount_minor for one in await till.refunds(intent)] == [199]
    assert await till.shop.coins(player) == {"paid": 301, "bonus": 31}
    await till.reverse(intent, "RefundedFriendlyFraud")
    await till.report()
    assert [one.amount_minor for one in await till.refunds(intent)] == [199, 300]
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}


async def test_a_chargeback_takes_money_and_coins_and_what_was_spent_is_owed(till: SteamTill):
    player = await till.shop.player()
    intent = await till.paid(player)
    await till.shop.spend(player, 400)
    await till.reverse(intent, "Chargedback")
    # It stands in both reports, and counts once.
    assert await till.report() == 1
    (dispute,) = await till.disputes(intent)
    assert (dispute.state.value, dispute.amount_minor, dispute.withdrawn) == ("lost", 499, True)
    assert await till.report() == 0
    assert (await till.shop.kinds()).count("dispute_lost") == 1
    # The pack had 550 coins, of which 150 were left.
    assert await till.shop.coins(player) == {"debt": -400}
    assert "provider:steam_wallet" not in await till.shop.money()


async def test_a_chargeback_that_is_taken_back_gives_money_and_coins_back_once(till: SteamTill):
    player = await till.shop.player()
    intent, other = await till.paid(player), await till.paid(player)
    await till.shop.spend(player, 40)
    before = await till.shop.left()
    await till.reverse(intent, "Chargedback")
    await till.report()
    assert await till.shop.coins(player) == {"paid": 500, "bonus": 50, "debt": -40}
    await till.reverse(intent, "Succeeded")
    assert await till.report() == 1
    assert await till.report() == 0
    assert await till.shop.left() == before
    (dispute,) = await till.disputes(intent)
    assert (dispute.state.value, dispute.reinstated) == ("lost", True)
    assert (await till.shop.kinds()).count("dispute_funds_reinstated") == 1
    assert await till.disputes(other) == []


async def test_what_is_charged_back_again_is_a_dispute_of_its_own(till: SteamTill):
    shop = till.shop
    player = await shop.player()
    intent = await till.paid(player)
    order = await till.order(intent)
    await shop.spend(player, 40)
    before = await shop.left()
    for back in ("Chargedback", "Succeeded", "Chargedback"):
        await till.reverse(intent, back)
        assert await till.report() == 1
        # Reports show a line again and again, and the clock of their lines goes by seconds.
        await asyncio.sleep(1.1)
        assert await till.report() == 0
    first, second = await till.disputes(intent)
    assert (first.reference, first.reinstated) == (order, True)
    assert (second.reference, second.reinstated) == (f"{order}:2", False)
    assert (second.state.value, second.amount_minor, second.withdrawn) == ("lost", 499, True)
    assert await shop.coins(player) == {"debt": -40}
    assert (await shop.kinds())[-3:] == [
        "dispute_lost", "dispute_funds_reinstated", "dispute_lost",
    ]  # fmt: skip
    lines = await reconciled(shop, "steam_wallet")
    assert {(line.kind, line.state) for line in lines} == {
        ("capture", "matched"), ("dispute", "matched"),
    }  # fmt: skip
    await till.reverse(intent, "Succeeded")
    assert await till.report() == 1
    assert await shop.left() == before
    assert [one.reinstated for one in await till.disputes(intent)] == [True, True]
    await proved(shop)


async def test_two_chargebacks_in_part_are_two_disputes(till: SteamTill):
    shop = till.shop
    player = await shop.player()
    intent = await till.paid(player)
    order = await till.order(intent)
    before = await shop.left()
    await till.reverse(intent, "Chargedback", part=199)
    await till.report()
    assert await shop.coins(player) == {"paid": 301, "bonus": 31}
    await asyncio.sleep(1.1)
    await till.reverse(intent, "Chargedback")
    await till.report()
    assert await shop.coins(player) == {}
    told = [(one.reference, one.amount_minor, one.withdrawn) for one in await till.disputes(intent)]
    assert told == [(f"{order}/1", 199, True), (f"{order}/2", 300, True)]
    shop.clock.by += timedelta(seconds=1)
    lines = await reconciled(shop, "steam_wallet")
    assert sorted((line.kind, line.state, line.gross_minor) for line in lines) == [
        ("capture", "matched", 499), ("dispute", "matched", -300), ("dispute", "matched", -199),
    ]  # fmt: skip
    await till.reverse(intent, "Succeeded")
    await till.report()
    assert await shop.left() == before
    await proved(shop)


async def test_what_a_refund_left_is_charged_back(till: SteamTill):
    player = await till.shop.player()
    intent = await till.paid(player)
    await till.reverse(intent, "PartialRefund", part=199)
    await till.report()
    await till.reverse(intent, "Chargedback")
    await till.report()
    (dispute,) = await till.disputes(intent)
    assert (dispute.amount_minor, dispute.withdrawn) == (300, True)
    assert await till.shop.left() == {}
    till.shop.clock.by += timedelta(seconds=1)
    lines = await reconciled(till.shop, "steam_wallet")
    assert sorted((line.kind, line.state, line.gross_minor) for line in lines) == [
        ("capture", "matched", 499), ("dispute", "matched", -300), ("refund", "matched", -199),
    ]  # fmt: skip


async def test_an_order_that_changed_late_and_was_never_charged_back_moves_nothing(
    till: SteamTill,
):
    player = await till.shop.player()
    intent = await till.paid(player)
    before = await till.shop.left()
    await till.reverse(intent, "Chargedback")
    await till.reverse(intent, "Succeeded")
    # Both came between two readings.
    assert await till.report() == 1
    assert await till.shop.left() == before
    assert await till.disputes(intent) == []


async def test_steams_report_agrees_with_the_books_and_shows_where_it_does_not(till: SteamTill):
    shop = till.shop
    player = await shop.player()
    kept, given, part, charged = [await till.paid(player) for _ in range(4)]
    await shop.refunded(given)
    await till.reverse(part, "PartialRefund", part=199)
    await till.reverse(charged, "Chargedback")
    await till.report()
    # Steam took this one's money, and nobody here has heard of it.
    unheard = await till.buy(player)
    heard = await till.approve(unheard)
    await till.turn(heard["order_id"], "capture", "silence")
    await till.confirm(unheard, heard)
    assert await shop.state(unheard) != "credited"
    shop.clock.by += timedelta(seconds=1)
    lines = await reconciled(shop, "steam_wallet")
    assert sorted((line.kind, line.state, line.gross_minor, line.looked) for line in lines) == [
        ("capture", "matched", 499, False),
        ("capture", "matched", 499, False),
        ("capture", "matched", 499, False),
        ("capture", "matched", 499, False),
        ("capture", "matched", 499, True),
        ("dispute", "matched", -499, False),
        ("refund", "matched", -499, False),
        ("refund", "matched", -199, False),
    ]
    assert await shop.state(unheard) == "credited"
    by_payment = {line.payment_id for line in lines}
    assert by_payment == {one.id for one in (kept, given, part, charged, unheard)}


async def test_what_steam_lacks_and_what_differs_is_shown(till: SteamTill):
    shop = till.shop
    player = await shop.player()
    await till.paid(player)
    odd = await till.paid(player)
    async with shop.house.db.begin(shop.tenant.schema) as tx:
        await tx.driver.execute(
            "UPDATE payments_attempt SET captured_minor = 450 WHERE payment_id = $1", odd.id
        )
        await tx.driver.execute(
            "INSERT INTO payments_attempt SELECT (jsonb_populate_record(attempt, "
            "jsonb_build_object('id', 'att_lost', 'reference', '4711', 'number', 2))).* "
            "FROM payments_attempt AS attempt WHERE payment_id = $1", odd.id,
        )  # fmt: skip
    shop.clock.by += timedelta(days=4)
    lines = await reconciled(shop, "steam_wallet")
    assert sorted((line.kind, line.state, line.reference == "4711") for line in lines) == [
        ("capture", "amount_differs", False),
        ("capture", "matched", False),
        ("capture", "missing_there", True),
    ]


async def test_our_own_refund_is_not_booked_again_by_its_line(till: SteamTill):
    intent = await till.paid(await till.shop.player())
    assert (await till.shop.refunded(intent)).state == "succeeded"
    await till.report()
    assert len(await till.refunds(intent)) == 1
    assert await till.shop.money() == {}


async def test_our_own_refund_without_an_answer_is_not_taken_for_valve_s(till: SteamTill):
    intent = await till.paid(await till.shop.player())
    await till.turn(await till.order(intent), "refund", "silence")
    assert (await till.shop.refunded(intent)).state == "unknown"
    await till.report()
    await till.shop.later(minutes=3)
    await till.sweep(minutes=10)
    (refund,) = await till.refunds(intent)
    assert (refund.state.value, refund.origin) == ("succeeded", "merchant")
    assert await till.shop.money() == {}


async def test_a_line_of_money_that_we_never_heard_of_books_both(till: SteamTill):
    player = await till.shop.player()
    intent = await till.buy(player)
    heard = await till.approve(intent)
    await till.turn(await till.order(intent), "capture", "silence")
    await till.confirm(intent, heard)
    await till.reverse(intent, "Refunded")
    await till.report()
    assert [one.state.value for one in await till.refunds(intent)] == ["succeeded"]
    assert (await till.shop.kinds()).count("credited") == 1
    assert await till.shop.coins(player) == {}
    assert await till.shop.money() == {}


@pytest.mark.parametrize("effect", ["silence", "lost", "error_before", "ERROR_4"])
async def test_a_report_without_an_answer_loses_nothing(till: SteamTill, effect: str):
    intent = await till.paid(await till.shop.player())
    await till.reverse(intent, "Refunded")
    await till.turn("*", "report", effect)
    assert await till.report() == 0
    assert await till.refunds(intent) == []
    assert await till.report() == 1
    assert len(await till.refunds(intent)) == 1


async def test_lines_of_another_shop_with_the_same_game_change_nothing(till: SteamTill):
    player = await till.shop.player()
    intent = await till.paid(player)
    await sell_elsewhere(till, "4711")
    await till.at_lab("/reverse", order="4711", status="Chargedback")
    await till.reverse(intent, "Refunded")
    assert await till.report() == 2
    assert [one.state.value for one in await till.refunds(intent)] == ["succeeded"]
    assert await till.shop.money() == {}
    for _ in range(4):
        await till.sweep(hours=1)
    assert (await till.shop.kinds()).count("dispute_lost") == 0


async def test_another_game_s_lines_are_read_from_their_beginning(till: SteamTill):
    """As long as nobody bought, the account may become another game's."""
    first, other = till.settings, await asyncio.to_thread(till.lab.open_steam)
    till.settings = other
    await sell_elsewhere(till, "4712")
    await till.at_lab("/reverse", order="4712", status="Refunded")
    till.settings = first
    await sell_elsewhere(till, "4713")
    await till.at_lab("/reverse", order="4713", status="Refunded")
    assert await till.report() == 1
    shop = till.shop
    done = await configure_provider(shop.payments, shop.tenant, "steam_wallet", other, enabled=True)
    assert not isinstance(done, Refusal), done
    assert await till.report() == 1


async def test_an_account_that_is_switched_off_is_read_all_the_same(till: SteamTill):
    intent = await till.paid(await till.shop.player())
    shop = till.shop
    settings = {name: value for name, value in till.settings.items() if name != "publisher_key"}
    done = await configure_provider(
        shop.payments, shop.tenant, "steam_wallet", settings, enabled=False
    )
    assert not isinstance(done, Refusal), done
    await till.reverse(intent, "Refunded")
    assert await till.report() == 1
    assert len(await till.refunds(intent)) == 1


async def sell_elsewhere(till: SteamTill, order: str) -> None:
    """Let another shop sell an item of the same game."""
    game, key = till.settings["app_id"], till.settings["publisher_key"]
    base = f"{till.lab.url}/ISteamMicroTxnSandbox"
    form = {
        "appid": game, "orderid": order, "steamid": till.gamer, "itemcount": "1", "language": "en",
        "currency": "EUR", "itemid[0]": "499", "qty[0]": "1", "amount[0]": "499",
        "description[0]": "Sword",
    }  # fmt: skip
    headers = {"x-webapi-key": key}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
        made = await http.post(f"{base}/InitTxn/v3/", data=form)
        assert made.json()["response"]["result"] == "OK", made.text
        await till.at_lab("/approve", order=order)
        done = await http.post(f"{base}/FinalizeTxn/v2/", data={"appid": game, "orderid": order})
        assert done.json()["response"]["result"] == "OK", done.text
