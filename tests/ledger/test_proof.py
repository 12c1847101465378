"""The proof passes over an honest ledger and says what does not add up in a damaged one."""

import random

import pytest
from tests.economy import EUR, GEM, Economy

from guildbank.ledger import Address, Leg, LotRef, Restores, house
from guildbank.ledger.reading import totals
from guildbank.ledger.usecases.backing import list_backing
from guildbank.ledger.usecases.prove import Proof, UnspentPrice, prove


async def proof(economy: Economy) -> Proof:
    return await prove(economy.db, economy.schema)


async def checks(economy: Economy) -> set[tuple[str, str]]:
    found = await proof(economy)
    assert not found.ok
    return {(problem.check, problem.subject) for problem in found.problems}


async def test_an_empty_ledger_is_proved(economy: Economy):
    found = await proof(economy)
    assert (found.ok, found.seq, found.transfers) == (True, 0, 0)


async def test_money_backs_coins_through_spend_reversal_and_refund(economy: Economy):
    player = await economy.player()
    first = await economy.buy(player, 100, 999)
    await economy.buy(player, 50, 100, bonus=10)
    await economy.grant(player, 7)
    spend = await economy.spend(player, 30)
    await economy.restore(player, spend, 10, 0)
    await economy.hold(player, 25)
    # The coins given back are taken first: 0 to 9 of the lot, which cost floor(9990 / 100).
    await economy.refund(player, first, 10, 99)
    found = await proof(economy)
    assert found.problems == []
    assert found.ok
    (money,) = found.money
    assert (money.captured, money.refunded, money.disputed) == (1099, 99, 0)
    assert money.unspent + money.recognised == money.backing == 1000
    assert {asset.asset: asset.sum for asset in found.assets} == {GEM: 0, EUR: 0}
    assert UnspentPrice(GEM, EUR, 2, 1, 50, 100) in found.unspent
    assert sum(one.coins for one in found.unspent) == 120
    assert sum(one.basis for one in found.unspent) == money.unspent


async def test_each_payment_can_be_followed(economy: Economy):
    player = await economy.player()
    first = await economy.buy(player, 100, 1000, payment="pay_one")
    await economy.buy(player, 50, 100, payment="pay_two")
    await economy.spend(player, 30)
    await economy.refund(player, first, 20, 200)
    page = await list_backing(economy.db, economy.schema, EUR, 1)
    (two,) = page.lots
    assert (two.payment, two.owner, two.coins, two.unspent.coins) == ("pay_two", player, 50, 50)
    assert page.next is not None
    page = await list_backing(economy.db, economy.schema, EUR, 1, page.next)
    (one,) = page.lots
    assert page.next is None
    assert (one.unspent.coins, one.spent.coins, one.clawed.coins) == (50, 30, 20)
    assert (one.unspent.basis, one.spent.basis, one.clawed.basis) == (500, 300, 200)


async def test_a_refund_that_is_restored_is_unspent_again(economy: Economy):
    player = await economy.player()
    bought = await economy.buy(player, 10, 100)
    clawed = await economy.refund(player, bought, 4, 40)
    await economy.move(
        "payments.refund_restored",
        Leg((house(EUR, "provider:sandbox"),), house(EUR, "backing"), 40),
        Leg((house(GEM, "clawed"),), Address(player, GEM, "paid"), 4,
            restores=Restores(clawed.seq, 0, 6, directed=True)),
    )  # fmt: skip
    found = await proof(economy)
    assert found.problems == []
    assert found.money[0].unspent == 100
    page = await list_backing(economy.db, economy.schema, EUR, 10)
    assert [lot.unspent.coins for lot in page.lots] == [10]


async def test_a_random_history_is_proved_at_every_page_size(
    economy: Economy, monkeypatch: pytest.MonkeyPatch
):
    rng = random.Random(11)
    players = [await economy.player() for _ in range(4)]
    bought: list[tuple[str, int]] = []
    for _ in range(80):
        player = rng.choice(players)
        match rng.randrange(4):
            case 0 | 1:
                made = await economy.buy(player, rng.randint(1, 60), rng.randint(1, 900))
                bought.append((player, made.seq))
            case 2:
                source = Address(player, GEM, "paid")
                sales = house(GEM, "sales")
                await economy.move(
                    "wallets.spent", Leg((source,), sales, rng.randint(1, 40), up_to=True)
                )
            case 3 if bought:
                owner, seq = rng.choice(bought)
                source = Address(owner, GEM, "paid")
                await economy.move(
                    "test.clawed",
                    Leg((source,), house(GEM, "clawed"), 5, up_to=True, lot=LotRef(seq, 1)),
                )
    # Coins were clawed without their money, so only law 2 may complain.
    found = await proof(economy)
    assert {problem.check for problem in found.problems} <= {"backing"}
    monkeypatch.setattr(totals, "PAGE_ROWS", 3)
    assert await proof(economy) == found


async def test_forged_coins_are_found(economy: Economy):
    player = await economy.player()
    await economy.buy(player, 100, 999)
    await economy.sql("UPDATE ledger_account SET credited = credited + 50 WHERE owner = $1", player)
    assert await checks(economy) == {("totals", f"{player}/GEM/paid")}


async def test_a_forged_transfer_is_found(economy: Economy):
    player = await economy.player()
    await economy.buy(player, 100, 999)
    await economy.sql(
        "INSERT INTO ledger_transfer (seq, leg, debit, credit, amount, debit_offset, "
        "credit_offset, debit_after, credit_after) SELECT 1, 9, debit, credit, 50, 100, 100, -150, "
        "150 FROM ledger_transfer WHERE seq = 1 AND leg = 1"
    )
    assert await checks(economy) == {("totals", f"{player}/GEM/paid")}


@pytest.mark.parametrize(
    ("vandal", "check"),
    [
        ("UPDATE ledger_account SET spent = spent - 1 WHERE bucket = 'paid'", "totals"),
        ("UPDATE ledger_account SET clawed = clawed + 1 WHERE bucket = 'paid'", "totals"),
        ("UPDATE ledger_account SET held = held - 1 WHERE bucket = 'paid'", "held"),
        ("DELETE FROM ledger_hold", "held"),
        ("UPDATE ledger_hold SET state = 'released'", "held"),
        ("UPDATE ledger_transfer SET amount = amount + 1 WHERE seq = 1 AND leg = 1", "offsets"),
        ("UPDATE ledger_transfer SET amount = amount - 1 WHERE seq = 1 AND leg = 1", "offsets"),
        ("DELETE FROM ledger_transfer WHERE seq = 3", "offsets"),
        ("DELETE FROM ledger_transfer WHERE seq = 2 AND leg = 1", "totals"),
        ("UPDATE ledger_transfer SET credit_offset = 1 WHERE seq = 1 AND leg = 1", "offsets"),
        ("UPDATE ledger_transfer SET debit_after = 7 WHERE seq = 4", "totals"),
        ("DELETE FROM ledger_account WHERE bucket = 'paid'", "accounts"),
        ("UPDATE ledger_transfer SET amount = amount + 1 WHERE seq = 1 AND leg = 0", "offsets"),
        ("UPDATE ledger_account SET bucket = 'pocket' WHERE bucket = 'backing'", "backing"),
        ("UPDATE ledger_account SET asset = 'EUR' WHERE bucket = 'sales'", "zero_sum"),
        ("UPDATE ledger_account SET floor = 1000 WHERE bucket = 'paid'", "floor"),
    ],
)
async def test_damage_is_found(economy: Economy, vandal: str, check: str):
    player = await economy.player()
    await economy.buy(player, 100, 999)  # 1
    await economy.buy(player, 50, 500)  # 2
    await economy.spend(player, 10)  # 3
    await economy.spend(player, 20)  # 4
    await economy.hold(player, 30)
    assert (await proof(economy)).ok
    await economy.sql(vandal)
    assert check in {name for name, _ in await checks(economy)}


async def test_coins_given_back_twice_are_found(economy: Economy):
    player = await economy.player()
    await economy.buy(player, 100, 999)
    spend = await economy.spend(player, 30)
    await economy.restore(player, spend, 10, 0)
    await economy.restore(player, spend, 10, 5)
    assert ("lots", f"{player}/GEM/paid") in await checks(economy)


async def test_only_the_first_problems_are_listed_but_all_are_counted(economy: Economy):
    for _ in range(120):
        await economy.grant(await economy.player(), 1)
    await economy.sql("UPDATE ledger_account SET credited = 2 WHERE bucket = 'free'")
    found = await proof(economy)
    assert (found.found, len(found.problems)) == (120, 100)
