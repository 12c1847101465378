"""What coins were spent on goes back before their buyer owes them; a small room sells swords."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

import msgspec
import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.test_disputes import CLOSED, REINSTATED, WITHDRAWN, tell

from guildbank.infra.database import Tx
from guildbank.journal import Need, Receipt, Rows, Stage, Statement
from guildbank.kernel import Refusal, TimedSeq
from guildbank.kernel.ids import epoch_ms
from guildbank.ledger import SpentPart
from guildbank.payments import Item
from guildbank.wallets.contracts import Reverse
from guildbank.wallets.usecases.reverse import ReverseAct

READ = "SELECT spend, name, state FROM swords WHERE spend = ANY($1::bigint[])"
SAVE = """
INSERT INTO swords (spend, name, state)
SELECT *
FROM unnest($1::bigint[], $2::text[], $3::text[])
ON CONFLICT (spend) DO UPDATE
SET state = excluded.state
"""


class Sword(NamedTuple):
    spend: int
    name: str
    state: str


class Swords:
    order: ClassVar[int] = 900
    derived: ClassVar[bool] = False

    def reading(self, keys: Sequence[int]) -> Statement:
        return Statement(READ, (keys,))

    def read(self, keys: Sequence[int], rows: Rows) -> Mapping[int, Sword]:
        return {row[0]: Sword(*row) for row in rows}

    def saving(self, changed: Mapping[int, Sword]) -> Sequence[Statement]:
        return [Statement(SAVE, tuple(zip(*changed.values(), strict=True)))]


SWORDS = Swords()


class Blade(NamedTuple):
    spend: int

    def needs(self) -> Iterable[Need]:
        return ((SWORDS, self.spend),)

    def take(self, stage: Stage) -> Mapping[str, object] | None:
        sword = stage.get(SWORDS, self.spend)
        if sword is None or sword.state != "owned":
            return None
        stage.put(SWORDS, self.spend, sword._replace(state="taken"))
        return {"sword": sword.name}


class Smithy:
    """Sells swords for coins, in the order of their prices; the cheapest is taken first."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.asked: list[SpentPart] = []

    async def sell(self, player: str, name: str, coins: int) -> Receipt:
        spent = await self.shop.spend(player, coins)
        await self.write("INSERT INTO swords VALUES ($1, $2, 'owned')", spent.seq, name)
        return spent

    async def write(self, text: str, *args: object) -> None:
        async with self.shop.house.db.begin(self.shop.tenant.schema) as tx:
            await tx.driver.execute(text, *args)

    async def states(self) -> dict[str, str]:
        async with self.shop.house.db.begin(self.shop.tenant.schema, read_only=True) as tx:
            rows = await tx.driver.fetch("SELECT name, state FROM swords")
        return {row["name"]: row["state"] for row in rows}

    async def bought(self, tx: Tx, player_id: str, spends: Sequence[SpentPart]) -> Sequence[Item]:
        self.asked = list(spends)
        return [Blade(one.seq) for one in sorted(spends, key=lambda one: one.coins)]


async def smithy_of(shop: Shop) -> Smithy:
    smithy = Smithy(shop)
    await smithy.write("CREATE TABLE swords (spend BIGINT PRIMARY KEY, name TEXT, state TEXT)")
    shop.payments.items = smithy
    return smithy


@pytest.fixture
async def smithy(house: House) -> AsyncIterator[Smithy]:
    shop = await open_shop(house)
    yield await smithy_of(shop)
    await shop.payments.drain()


async def test_no_more_is_taken_than_is_due_and_the_rest_of_its_price_stays(smithy: Smithy):
    shop = smithy.shop
    player = await shop.player()
    first = await shop.buy(player)
    await smithy.sell(player, "dagger", 100)
    await smithy.sell(player, "sabre", 300)
    # 550 are bought, 150 left; the dagger took 50 bonus and 50 paid coins, the sabre 300 paid.
    assert await shop.coins(player) == {"paid": 150}
    refund = await shop.refunded(first, 250)
    assert (refund.state, refund.amount_minor) == ("succeeded", 250)
    # 250 paid and 25 bonus coins are due. The dagger brings 50 of each, the sabre the rest.
    assert await smithy.states() == {"dagger": "taken", "sabre": "taken"}
    assert await shop.coins(player) == {"paid": 250, "bonus": 25}
    assert [(one.kind, one.coins) for one in smithy.asked] == [
        ("wallets.spent", 300), ("wallets.spent", 100),
    ]  # fmt: skip
    await shop.refunded(first)
    assert await shop.left() == {}


async def test_where_enough_is_unspent_nothing_is_taken(smithy: Smithy):
    shop = smithy.shop
    player = await shop.player()
    plain = await shop.save(bonus=0)
    first = await shop.buy(player, product_id=plain.id)
    await smithy.sell(player, "dagger", 100)
    await shop.refunded(first, 399)
    assert await shop.coins(player) == {"paid": 1}
    assert await smithy.states() == {"dagger": "owned"}


async def test_coins_of_another_purchase_in_the_price_stay_with_the_player(smithy: Smithy):
    shop = smithy.shop
    player = await shop.player()
    plain = await shop.save(bonus=0)
    first = await shop.buy(player, product_id=plain.id)
    second = await shop.buy(player, product_id=plain.id)
    await smithy.sell(player, "sabre", 700)
    await shop.refunded(second)
    assert await smithy.states() == {"sabre": "taken"}
    assert await shop.coins(player) == {"paid": 500}
    assert [(one.coins) for one in smithy.asked] == [200]
    await shop.refunded(first)
    assert await shop.left() == {}


async def test_what_items_do_not_cover_bars_a_refund_and_then_nothing_is_taken(smithy: Smithy):
    shop = smithy.shop
    player = await shop.player()
    first = await shop.buy(player)
    await smithy.sell(player, "dagger", 100)
    await shop.spend(player, 200)
    refused = await shop.refund(first)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.extra["unspent"]) == ("refund_exceeds_unspent", 300)
    assert await smithy.states() == {"dagger": "owned"}
    assert await shop.coins(player) == {"paid": 250}


async def test_what_was_used_up_or_undone_is_passed_over(house: House):
    shop = await open_shop(house, spent_coins="debt")
    smithy = await smithy_of(shop)
    player = await shop.player()
    first = await shop.buy(player)
    await smithy.sell(player, "broken", 100)
    undone = await smithy.sell(player, "undone", 120)
    await smithy.sell(player, "whole", 130)
    await smithy.write("UPDATE swords SET state = 'broken' WHERE name = 'broken'")
    at = TimedSeq(undone.seq, epoch_ms(undone.at))
    back = ReverseAct("app", None, Reverse(transaction_id="txn", amount=None), at)
    assert isinstance(await house.journal.submit(shop.tenant.schema, back), Receipt)
    await shop.refunded(first)
    assert await smithy.states() == {"broken": "broken", "undone": "owned", "whole": "taken"}
    # The debt is what the broken one had cost.
    assert await shop.coins(player) == {"debt": -100}
    assert {one.coins for one in smithy.asked} == {100, 130}


async def test_a_dispute_takes_items_and_one_that_is_won_gives_coins_for_them(smithy: Smithy):
    shop = smithy.shop
    player = await shop.player()
    first = await shop.buy(player)
    await smithy.sell(player, "sabre", 150)
    await tell(shop, first, WITHDRAWN)
    # What coins bought stays until the dispute is decided.
    assert await smithy.states() == {"sabre": "owned"}
    await tell(shop, first, CLOSED, won=False)
    assert await smithy.states() == {"sabre": "taken"}
    assert await shop.left() == {}
    entry = await newest(shop, "payments.dispute_closed")
    assert entry["items"] == [{"sword": "sabre"}]
    await tell(shop, first, REINSTATED)
    assert await smithy.states() == {"sabre": "taken"}
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}


async def newest(shop: Shop, kind: str) -> dict[str, object]:
    """Return what the newest entry of a kind says."""
    async with shop.house.db.begin(shop.tenant.schema, read_only=True) as tx:
        data = await tx.driver.fetchval(
            "SELECT data FROM journal_entry WHERE kind = $1 ORDER BY seq DESC LIMIT 1", kind
        )
    return msgspec.json.decode(data, type=dict[str, object])
