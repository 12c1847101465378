"""What is not paid out: coins too young, others' money, and anything soon after a change."""

from datetime import timedelta

import msgspec
import pytest
from tests.house import House
from tests.payments.cashier import TERMS, Window, open_window
from tests.payments.scripted import UNKNOWN, Lost

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, TimedSeq, new_id
from guildbank.kernel.ids import epoch_ms
from guildbank.payments.contracts.payouts import KeptDestination, PayoutState
from guildbank.payments.payouts import PayoutFilter
from guildbank.payments.usecases.payouts.decide import cancel_payout
from guildbank.payments.usecases.payouts.destinations import (
    list_destinations,
    remove_destination,
)
from guildbank.payments.usecases.payouts.read import get_payout, list_payouts
from guildbank.payments.usecases.payouts.terms import set_payout_terms
from guildbank.payments.withdrawing import OPEN, PAYOUT, payout_after, worth
from guildbank.wallets.contracts import Reverse
from guildbank.wallets.usecases.reverse import ReverseAct


def refused(outcome: object) -> Refusal:
    assert isinstance(outcome, Refusal), outcome
    return outcome


@pytest.fixture
async def window(house: House) -> Window:
    return await open_window(house)


async def untouched(window: Window, player: str, coins: dict[str, int]) -> None:
    """Nothing was taken, kept or asked."""
    shop = window.shop
    assert await shop.coins(player) == coins
    assert "payout_cost" not in await shop.money()
    wanted = PayoutFilter(player_id=player)
    assert await list_payouts(shop.payments, shop.tenant, wanted, None, 10) == []
    assert window.cashier.asked == []


async def test_nothing_is_paid_out_unless_somebody_said_so(house: House):
    window = await open_window(house, is_open=False)
    player, place = await window.earner()
    assert refused(await window.ask(player, place)).code == "not_withdrawable"
    await untouched(window, player, {"free": 1_000})


@pytest.mark.parametrize(
    ("coins", "code"),
    [
        (8, "payout_out_of_bounds"),
        (-400, "payout_out_of_bounds"),
        (0, "payout_out_of_bounds"),
        (5_002, "payout_out_of_bounds"),
        (401, "payout_not_whole"),
        (1_002, "insufficient_funds"),
    ],
)
async def test_odd_amounts_take_nothing(window: Window, coins: int, code: str):
    player, place = await window.earner()
    said = refused(await window.ask(player, place, coins))
    assert said.code == code
    if code == "payout_not_whole":
        assert said.extra == {"multipleOf": 2}
    await untouched(window, player, {"free": 1_000})


async def test_coins_younger_than_the_window_are_not_paid_out(window: Window):
    player = await window.shop.player()
    place = await window.destination(player)
    window.wait(days=30)
    old, _young = await window.grant(player, 300), await window.grant(player, 300)
    window.stand(old.at + timedelta(days=14))
    said = refused(await window.ask(player, place, 302))
    assert (said.code, said.extra) == ("coins_too_young", {"ready": 300, "days": 14})
    await untouched(window, player, {"free": 600})
    # The young coins lie behind the old ones, and are left alone.
    assert (await window.pay(player, place, 300)).state == "paid"
    assert refused(await window.ask(player, place, 10)).code == "coins_too_young"
    window.stand(old.at + timedelta(days=15))
    assert (await window.pay(player, place, 300)).state == "paid"


async def test_coins_that_came_back_keep_their_age(window: Window):
    shop, player = window.shop, await window.shop.player()
    place = await window.destination(player)
    old = await window.grant(player, 300)
    spent = await shop.spend(player, 300)
    at = TimedSeq(spent.seq, epoch_ms(spent.at))
    undone = ReverseAct("app", new_id("key"), Reverse("txn"), at)
    assert isinstance(await shop.house.journal.submit(shop.tenant.schema, undone), Receipt)
    # They came back after this time, and were the player's before it.
    window.stand(old.at + timedelta(days=14))
    assert (await window.pay(player, place, 300)).state == "paid"


async def test_bought_coins_are_paid_out_only_where_that_is_said_and_bonus_never(house: House):
    window = await open_window(house)
    player = await window.shop.player()
    place = await window.destination(player)
    await window.shop.buy(player)
    window.wait(days=15)
    assert refused(await window.ask(player, place, 100)).code == "insufficient_funds"
    await untouched(window, player, {"paid": 500, "bonus": 50})
    await window.terms(buckets=("free", "paid"))
    assert refused(await window.ask(player, place, 502)).code == "insufficient_funds"
    assert (await window.pay(player, place, 500)).state == "paid"
    assert await window.shop.coins(player) == {"bonus": 50}


async def test_whoever_owes_coins_is_paid_nothing_out(house: House):
    window = await open_window(house, spent_coins="debt")
    player, place = await window.earner(100)
    bought = await window.shop.buy(player)
    await window.shop.spend(player, 650)
    await window.shop.refunded(bought)
    window.wait(days=30)
    await window.grant(player, 100)
    assert refused(await window.ask(player, place, 10)).code == "debt_outstanding"


async def test_another_players_destination_and_payout_are_nobodys(window: Window):
    player, place = await window.earner()
    thief, own = await window.earner()
    shop = window.shop
    assert refused(await window.ask(thief, place)).code == "unknown_payout_destination"
    foreign = await remove_destination(shop.payments, shop.tenant, thief, thief, place)
    assert refused(foreign).code == "not_found"
    await window.terms(review_above_minor=0)
    payout = await window.pay(player, place)
    peek = await get_payout(shop.payments, shop.tenant, payout.id, player_id=thief)
    taken = await cancel_payout(shop.payments, shop.tenant, thief, payout.id, player_id=thief)
    assert {refused(peek).code, refused(taken).code} == {"not_found"}
    assert await window.state(payout) == "waiting"
    assert own != place


async def test_a_new_destination_cools_off(window: Window):
    await window.terms(window_days=0)
    player = await window.shop.player()
    granted = await window.grant(player, 1_000)
    made = await window.add(player)
    assert not isinstance(made, Refusal)
    place, added = made.stored.id, made.stored.created_at
    until = added + timedelta(hours=72)
    window.stand(until - timedelta(seconds=1))
    said = refused(await window.ask(player, place))
    assert (said.code, said.extra) == (
        "payout_cooling_off",
        {"until": until.isoformat(timespec="seconds"), "because": "destination"},
    )
    await untouched(window, player, {"free": 1_000})
    window.stand(until)
    assert (await window.pay(player, place)).state == "paid"
    assert granted.at <= added


@pytest.mark.parametrize("change", ["password", "address"])
async def test_a_changed_password_or_address_cools_off(window: Window, change: str):
    player, place = await window.earner()
    statement = {
        "password": "INSERT INTO identity_password (player_id, hash, set_at) VALUES ($1, '-', $2)",
        "address": "INSERT INTO identity_email (id, player_id, address, canonical, confirmed_at) "
        "VALUES ('eml', $1, 'a@b.test', 'a@b.test', $2)",
    }[change]
    async with window.shop.house.db.begin(window.shop.tenant.schema) as tx:
        await tx.driver.execute(statement, player, window.shop.clock.now())
    said = refused(await window.ask(player, place))
    assert (said.code, said.extra["because"]) == ("payout_cooling_off", "credentials")
    await untouched(window, player, {"free": 1_000})
    window.wait(hours=73)
    assert (await window.pay(player, place)).state == "paid"


async def test_a_destination_that_is_none_is_not_kept(window: Window):
    player = await window.shop.player()
    said = refused(await window.add(player, "my account"))
    assert (said.code, said.field) == ("payout_destination_refused", "details.account")
    assert refused(await window.add(player, provider="scripted")).code == "payouts_not_offered"
    assert refused(await window.add(player, provider="nobody")).code == "unknown_provider"
    window.cashier.is_silent = True
    assert refused(await window.add(player)).code == "provider_silent"
    shop = window.shop
    assert await list_destinations(shop.payments, shop.tenant, player) == []


async def test_a_player_has_five_destinations_and_sees_them_masked(window: Window):
    player = await window.shop.player()
    shop = window.shop
    places = [await window.destination(player) for _ in range(5)]
    assert refused(await window.add(player)).code == "payout_destinations_full"
    for _ in range(2):
        gone = await remove_destination(shop.payments, shop.tenant, player, player, places[0])
        assert gone is None
    found = await list_destinations(shop.payments, shop.tenant, player)
    assert not isinstance(found, Refusal)
    assert [one.stored.id for one in found] == places[1:]
    assert found[0].known == KeptDestination(
        kind="account", label=".... 1500", details={"account": "4711081500"}
    )
    window.wait(days=30)
    await window.grant(player, 100)
    assert refused(await window.ask(player, places[0])).code == "unknown_payout_destination"


async def test_a_payout_goes_on_to_a_destination_that_was_removed_meanwhile(window: Window):
    player, place = await window.earner()
    shop = window.shop
    window.cashier.on_pay = Lost()
    payout = await window.pay(player, place)
    await remove_destination(shop.payments, shop.tenant, player, player, place)
    window.cashier.on_pay = None
    await window.later(minutes=1)
    assert await window.state(payout) == "paid"
    assert window.cashier.asked[-1].details == {"account": "4711081500"}


async def test_a_player_has_ten_open_payouts_at_most(window: Window):
    await window.terms(review_above_minor=0)
    player, place = await window.earner()
    for _ in range(10):
        await window.pay(player, place, 10)
    assert refused(await window.ask(player, place, 10)).code == "too_many_payouts"


async def test_what_waits_for_a_person_is_above_the_amount(window: Window):
    await window.terms(review_above_minor=100)
    player, place = await window.earner()
    assert (await window.pay(player, place, 200)).state == "paid"
    assert (await window.pay(player, place, 202)).state == "waiting"


async def test_terms_that_contradict_themselves_are_refused(window: Window):
    shop = window.shop
    for changes, field in (
        ({"money": "GEM"}, "rate.amount.currency"),
        ({"least_coins": 9, "most_coins": 8}, "leastCoins"),
        ({"buckets": ("free", "free")}, "buckets"),
    ):
        terms = msgspec.structs.replace(TERMS, **changes)
        said = refused(await set_payout_terms(shop.payments, shop.tenant, "op_1", terms))
        assert (said.code, said.field) == ("invalid_value", field)
    nowhere = msgspec.structs.replace(TERMS, currency="RUBY")
    said = refused(await set_payout_terms(shop.payments, shop.tenant, "op_1", nowhere))
    assert said.code == "not_found"


async def test_a_refused_request_leaves_its_key_free(window: Window):
    player, place = await window.earner()
    assert refused(await window.ask(player, place, 401, "k")).code == "payout_not_whole"
    assert (await window.pay(player, place, 400, "k")).state == "paid"


async def test_another_callers_key_is_another_key(window: Window):
    player, place = await window.earner()
    first = await window.ask(player, place, 100, "k", by="app_1")
    second = await window.ask(player, place, 100, "k", by="app_2")
    assert not isinstance(first, Refusal)
    assert not isinstance(second, Refusal)
    assert first.id != second.id


def test_worth_is_exact_for_every_multiple_and_refused_for_every_other():
    terms = msgspec.structs.replace(TERMS, amount_minor=3, per_coins=7, least_coins=1)
    for coins in range(1, 100):
        said = worth(terms, coins)
        if coins % 7:
            assert isinstance(said, Refusal)
        else:
            assert said == coins * 3 // 7


def test_only_what_has_not_ended_changes_and_what_was_paid_comes_back_at_most():
    assert {state for state, after in PAYOUT.items() if after} == OPEN | {PayoutState.PAID}
    assert PAYOUT[PayoutState.PAID] == {PayoutState.RETURNED}
    for state in OPEN:
        unknown = payout_after(state, UNKNOWN)
        assert unknown in (None, PayoutState.UNKNOWN)
