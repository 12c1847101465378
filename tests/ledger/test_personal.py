"""What an export tells of a player's transfers is all of them, found without reading the others."""

from tests.economy import GEM, Economy

from guildbank.ledger import Address, Leg, house
from guildbank.ledger.personal import TRANSFERS

PLAINLY = """
SELECT seq, asset, amount, debit_owner, debit_bucket, credit_owner, credit_bucket
FROM ledger_v_transfer
WHERE debit_owner = $1
   OR credit_owner = $1
ORDER BY seq, leg
"""


async def test_every_transfer_of_a_player_is_told_once_and_in_order(economy: Economy) -> None:
    ann, bob = await economy.player(), await economy.player()
    bought = await economy.buy(ann, 100, 499, bonus=5)
    await economy.grant(bob, 7)
    spent = await economy.spend(ann, 30)
    await economy.restore(ann, spent, 10, 0)
    await economy.refund(ann, bought, 60, 299)
    # Coins that pay a debt pass between two accounts of one player.
    owed = Leg((Address(ann, GEM, "debt"),), house(GEM, "clawed"), 9, forced=True)
    paid = Leg((Address(ann, GEM, "bonus"),), Address(ann, GEM, "debt"), 4, forced=True)
    await economy.move("payments.refund_clawed", owed)
    await economy.move("wallets.granted", paid)
    told = [tuple(row) for row in await economy.sql(TRANSFERS, ann)]
    assert told == [tuple(row) for row in await economy.sql(PLAINLY, ann)]
    assert len(told) >= 7
    assert any(row[3] == row[5] == ann for row in told)
    assert [row[5] for row in await economy.sql(TRANSFERS, bob)] == [bob]


async def test_a_players_transfers_are_found_by_the_indexes_of_accounts(economy: Economy) -> None:
    async with economy.db.begin(economy.schema) as tx:
        await tx.driver.execute("SET LOCAL enable_seqscan = off")
        rows = await tx.driver.fetch("EXPLAIN " + TRANSFERS.replace("$1", "'player_x'"))
    plan = "\n".join(row[0] for row in rows)
    for index in ("debit", "hole", "credit"):
        assert f"uq_ledger_transfer_p0_{index}" in plan, plan
