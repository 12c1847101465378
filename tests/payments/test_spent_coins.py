"""What becomes of spent coins when their money goes back: refused, owed, or written off."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import DECLINED, MANIFEST, Scripted, processed
from tests.payments.shop import Shop, open_shop
from tests.payments.test_disputes import LOST, REINSTATED, WITHDRAWN, tell
from tests.payments.wishes import refused

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.ledger.usecases.prove import prove
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.contracts.spent import SpentPolicy
from guildbank.payments.usecases.money import read_taking
from guildbank.payments.usecases.spent_coins import set_spent_coins
from guildbank.plugin_api import EventKind
from guildbank.tenancy import SpentCoins


@pytest.fixture
async def generous_shop(house: House) -> AsyncIterator[Shop]:
    """A shop that writes off what was spent."""
    shop = await open_shop(house, spent_coins="write_off")
    yield shop
    await shop.payments.drain()


async def choose(shop: Shop, policy: SpentCoins | None, **providers: SpentCoins) -> None:
    wanted = SpentPolicy(currency="GEM", policy=policy, providers=providers)
    outcome = await set_spent_coins(shop.payments, shop.tenant, "op", wanted)
    assert isinstance(outcome, Receipt), outcome


async def bought_and_spent(shop: Shop, coins: int = 150) -> tuple[str, Intent]:
    """Let a player buy 500 + 50 coins and spend so many, the bonus first."""
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.spend(player, coins)
    return player, intent


async def is_proved(shop: Shop, written_off: int) -> None:
    """Money backs coins: what was let go stands in the books at what it had cost."""
    proof = await prove(shop.house.db, shop.tenant.schema)
    assert proof.ok, proof.problems
    (money,) = [one for one in proof.money if one.money == "EUR"]
    assert money.written_off == written_off


async def test_what_is_written_off_is_neither_refused_nor_owed(generous_shop: Shop):
    shop = generous_shop
    player, intent = await bought_and_spent(shop)
    refund = await shop.refunded(intent)
    taking = read_taking(refund.taking)
    assert (taking.paid, taking.bonus, taking.owed, taking.written_off) == (500, 50, 0, 150)
    assert await shop.coins(player) == {}
    # The 100 paid coins that were spent had cost 99; the bonus ones nothing.
    assert await shop.money() == {"backing": 99, "written_off": -99}
    await is_proved(shop, -99)
    await shop.buy(player)
    assert await shop.coins(player) == {"paid": 500, "bonus": 50}
    await shop.spend(player, 1)


async def test_a_declined_refund_gives_back_what_it_took_and_nothing_of_what_it_let_go(
    generous_shop: Shop,
):
    shop = generous_shop
    player, intent = await bought_and_spent(shop)
    before = await shop.left()
    shop.script.on_refund = DECLINED
    await shop.refunded(intent, 250)
    await shop.refunded(intent)
    assert await shop.left() == before
    shop.script.on_refund = None
    await shop.refunded(intent, 250)
    await shop.refunded(intent)
    assert await shop.coins(player) == {}
    await is_proved(shop, -99)


async def test_parts_take_what_is_unspent_first(generous_shop: Shop):
    shop = generous_shop
    player, intent = await bought_and_spent(shop)
    first = read_taking((await shop.refunded(intent, 250)).taking)
    assert (first.owed, first.written_off) == (0, 25)
    assert await shop.coins(player) == {"paid": 150}
    second = read_taking((await shop.refunded(intent)).taking)
    assert (second.owed, second.written_off) == (0, 125)
    assert await shop.money() == {"backing": 99, "written_off": -99}


@pytest.mark.parametrize(
    ("policy", "providers", "left"),
    [
        (None, {}, "refused"),
        ("debt", {}, {"debt": -150}),
        ("write_off", {}, {}),
        ("debt", {"scripted": "write_off"}, {}),
        ("write_off", {"scripted": "refuse"}, "refused"),
        ("debt", {"another": "write_off"}, {"debt": -150}),
        (None, {"scripted": "debt"}, {"debt": -150}),
    ],
)
async def test_the_providers_policy_goes_before_the_currencys_and_that_before_the_tenants(
    house: House,
    policy: SpentCoins | None,
    providers: dict[str, SpentCoins],
    left: object,
):
    another = Scripted(msgspec.structs.replace(MANIFEST, id="another"))
    shop = await open_shop(house, plugins=(("another", another),))
    await choose(shop, policy, **providers)
    player, intent = await bought_and_spent(shop)
    refund = await shop.refund(intent)
    if left == "refused":
        assert refused(refund) == "refund_exceeds_unspent"
        assert await shop.money() == {"provider:scripted": -499, "backing": 499}
    else:
        assert not isinstance(refund, Refusal)
        assert await shop.coins(player) == left
        assert await shop.money() == {"backing": 99, "written_off": -99}


@pytest.mark.parametrize(
    ("policy", "left"), [("refuse", {"debt": -150}), ("debt", {"debt": -150}), ("write_off", {})]
)
async def test_money_that_is_gone_is_never_refused(
    shop: Shop, policy: SpentCoins, left: dict[str, int]
):
    await choose(shop, None, scripted=policy)
    player, intent = await bought_and_spent(shop)
    await tell(shop, intent, LOST)
    assert await shop.coins(player) == left
    other, second = await bought_and_spent(shop)
    (attempt,) = (await shop.dossier(second)).attempts
    shop.script.refund_stands["re_dash"] = processed(499, reference="re_dash")
    said = {"attempt_id": attempt.id, "refund_reference": "re_dash"}
    await shop.event(EventKind.REFUND, **said)
    assert await shop.coins(other) == left
    await is_proved(shop, -198)


async def test_a_won_dispute_gives_back_what_it_took_alone(generous_shop: Shop):
    shop = generous_shop
    player, intent = await bought_and_spent(shop)
    before = await shop.left()
    await tell(shop, intent, WITHDRAWN)
    await tell(shop, intent, LOST)
    assert await shop.coins(player) == {}
    # An appeal was granted.
    await tell(shop, intent, REINSTATED)
    assert await shop.left() == before
    assert await shop.coins(player) == {"paid": 400}
    await is_proved(shop, 0)


async def test_a_policy_is_of_a_currency_and_providers_that_there_are(shop: Shop):
    for wanted, code in (
        (SpentPolicy(currency="GOLD", policy="debt"), "not_found"),
        (SpentPolicy(currency="GEM", providers={"nobody": "debt"}), "unknown_provider"),
    ):
        outcome = await set_spent_coins(shop.payments, shop.tenant, "op", wanted)
        assert refused(outcome) == code
    await choose(shop, "debt")
    again = SpentPolicy(currency="GEM", policy="debt")
    assert refused(await set_spent_coins(shop.payments, shop.tenant, "op", again)) == "no_change"
