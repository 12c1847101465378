"""What a player has, now and at any time before."""

import asyncio
import random
from datetime import datetime, timedelta

from tests.economy import GEM, Economy

from guildbank.kernel import Refusal, new_id
from guildbank.ledger import Address, Leg, LotRef, house
from guildbank.ledger.usecases.balances import Balances, CurrencyBalance, read_balances


async def balances(economy: Economy, player: str, at: datetime | None = None) -> CurrencyBalance:
    found = await read_balances(economy.db, economy.schema, player, at)
    assert isinstance(found, Balances)
    return found.currencies[0] if found.currencies else CurrencyBalance(currency=GEM)


async def test_a_wallet_is_shown_by_bucket_with_what_is_held(economy: Economy):
    player = await economy.player()
    await economy.buy(player, 500, 499, bonus=50)
    await economy.grant(player, 20)
    await economy.hold(player, 100)
    assert await balances(economy, player) == CurrencyBalance(
        currency=GEM, paid=500, free=20, bonus=50, total=570, debt=0, held=100, available=470
    )


async def test_debt_is_shown_as_what_is_owed(economy: Economy):
    player = await economy.player()
    await economy.grant(player, 20)
    debt = Address(player, GEM, "debt")
    await economy.move("payments.refund_clawed", Leg((debt,), house(GEM, "clawed"), 30))
    now = await balances(economy, player)
    assert (now.total, now.debt) == (20, 30)
    await economy.move(
        "wallets.granted", Leg((Address(player, GEM, "free"),), debt, 12, forced=True)
    )
    now = await balances(economy, player)
    assert (now.total, now.debt) == (8, 18)


async def test_while_a_debt_blocks_spending_nothing_is_available(economy: Economy):
    player = await economy.player()
    await economy.grant(player, 20)
    debt = Address(player, GEM, "debt")
    await economy.move("payments.refund_clawed", Leg((debt,), house(GEM, "clawed"), 5))
    assert (await balances(economy, player)).available == 0
    repaid = Leg((Address(player, GEM, "free"),), debt, 5, forced=True)
    await economy.move("wallets.granted", repaid)
    assert (await balances(economy, player)).available == 15


async def test_a_frozen_wallet_has_nothing_available(economy: Economy):
    player = await economy.player()
    await economy.grant(player, 20)
    await economy.sql("UPDATE ledger_account SET frozen = 'review' WHERE owner = $1", player)
    now = await balances(economy, player)
    assert (now.total, now.available, now.frozen) == (20, 0, "review")


async def test_a_stranger_is_not_found_and_a_new_player_has_nothing(economy: Economy):
    for name in (new_id("player"), "house", "", "player_"):
        found = await read_balances(economy.db, economy.schema, name)
        assert isinstance(found, Refusal)
        assert found.code == "not_found"
    found = await read_balances(economy.db, economy.schema, await economy.player())
    assert isinstance(found, Balances)
    assert found.currencies == []


async def test_every_past_balance_is_what_it_was(economy: Economy):
    """A random history of credits, spends and claw-backs, asked about after each step."""
    rng = random.Random(7)
    player, other = await economy.player(), await economy.player()
    history = []
    bought = []
    for step in range(60):
        before = await balances(economy, player)
        roll = rng.random()
        if roll < 0.4 or before.paid < 5:
            bought.append(await economy.buy(player, rng.randint(5, 40), rng.randint(1, 999)))
            last = bought[-1]
        elif roll < 0.8:
            last = await economy.spend(player, rng.randint(1, before.paid))
        elif step % 2:
            last = await economy.grant(player, rng.randint(1, 9))
        else:
            debit = Leg(
                (Address(player, GEM, "paid"),), house(GEM, "clawed"), 3, True,
                lot=LotRef(bought[-1].seq, 1),
            )  # fmt: skip
            last = await economy.move("payments.refund_clawed", debit)
        await economy.grant(other, 1)
        await asyncio.sleep(0.001)
        now = await balances(economy, player)
        history.append((last.at, now))
    for at, then in history:
        was = await balances(economy, player, at)
        assert (was.paid, was.free, was.total) == (then.paid, then.free, then.total)
        assert was.held is was.available is None
    before_all = await balances(economy, player, history[0][0] - timedelta(days=1))
    assert before_all.total == 0
