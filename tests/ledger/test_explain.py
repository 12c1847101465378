"""A transaction names the lots behind its coins, and the payments behind the lots."""

from tests.economy import GEM, Economy, txn

from guildbank.journal import Receipt
from guildbank.kernel import Refusal, seq_id
from guildbank.ledger import Address
from guildbank.ledger.usecases import explain as explaining
from guildbank.ledger.usecases.explain import Explained, Origin, explain


async def explained(economy: Economy, receipt: Receipt) -> Explained:
    found = await explain(economy.db, economy.schema, txn(receipt))
    assert isinstance(found, Explained)
    return found


def coins(origins: list[Origin]) -> list[tuple[int, str | None, int, int | None]]:
    return [(one.seq, one.payment, one.coins, one.basis) for one in origins]


async def test_a_spend_names_its_lots_and_their_payments(economy: Economy):
    player = await economy.player()
    one = await economy.buy(player, 100, 999, payment="pay_one")
    two = await economy.buy(player, 50, 100, payment="pay_two")
    spend = await economy.spend(player, 120)
    found = await explained(economy, spend)
    assert (found.seq, found.kind) == (spend.seq, "wallets.spent")
    (leg,) = found.legs
    assert leg.debit == Address(player, GEM, "paid")
    assert coins(leg.origins) == [(one.seq, "pay_one", 100, 999), (two.seq, "pay_two", 20, 40)]
    assert leg.origins[0].money == "EUR"
    assert leg.complete


async def test_a_refund_names_the_coins_it_took(economy: Economy):
    player = await economy.player()
    one = await economy.buy(player, 100, 999, payment="pay_one")
    await economy.buy(player, 50, 100)
    clawed = await economy.refund(player, one, 40, 400)
    legs = (await explained(economy, clawed)).legs
    assert coins(legs[0].origins) == [(one.seq, "pay_one", 40, 400)]
    assert legs[1].origins == []
    spend = await economy.spend(player, 70)
    (leg,) = (await explained(economy, spend)).legs
    assert [one.coins for one in leg.origins] == [60, 10]


async def test_coins_given_back_lead_through_to_their_payment(economy: Economy):
    player = await economy.player()
    one = await economy.buy(player, 10, 100, payment="pay_one")
    two = await economy.buy(player, 10, 55, payment="pay_two")
    spend = await economy.spend(player, 15)
    back = await economy.restore(player, spend, 8, 6)
    restored = (await explained(economy, back)).legs[0]
    assert coins(restored.origins) == [(one.seq, "pay_one", 4, 40), (two.seq, "pay_two", 4, 22)]
    assert restored.restores == spend.seq
    again = await economy.spend(player, 10)
    (leg,) = (await explained(economy, again)).legs
    assert coins(leg.origins) == [
        (two.seq, "pay_two", 5, 28),
        (one.seq, "pay_one", 4, 40),
        (two.seq, "pay_two", 1, 5),
    ]
    once_more = await economy.restore(player, again, 10, 15)
    (leg,) = (await explained(economy, once_more)).legs
    assert sum(one.coins for one in leg.origins) == 10


async def test_free_coins_have_an_origin_but_no_price(economy: Economy):
    player = await economy.player()
    grant = await economy.grant(player, 10)
    (leg,) = (await explained(economy, await economy.spend(player, 4, "free"))).legs
    assert coins(leg.origins) == [(grant.seq, None, 4, None)]
    assert leg.origins[0].kind == "wallets.granted"


async def test_a_spend_of_very_many_lots_says_that_the_list_ends(economy: Economy, monkeypatch):
    monkeypatch.setattr(explaining, "MAX_LOTS", 5)
    player = await economy.player()
    for _ in range(8):
        await economy.buy(player, 1, 1)
    (leg,) = (await explained(economy, await economy.spend(player, 8))).legs
    assert not leg.complete
    assert len(leg.origins) == 5
    (leg,) = (await explained(economy, await economy.buy(player, 4, 9))).legs[1:]
    assert leg.complete


async def test_a_transaction_of_another_journal_is_not_here(economy: Economy):
    player = await economy.player()
    grant = await economy.grant(player, 10)
    strangers = (
        seq_id("txn", grant.seq + 1, grant.at),
        seq_id("txn", grant.seq, grant.at.replace(year=2001)),
        seq_id("hold", grant.seq, grant.at),
        "txn_",
        "\x00",
    )
    for stranger in strangers:
        found = await explain(economy.db, economy.schema, stranger)
        assert isinstance(found, Refusal)
        assert found.code == "unknown_transaction"
