"""What a purchase goes by is remembered, and yet never another than what stands."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.house import House
from tests.payments.scripted import processed
from tests.payments.shop import SECRET, Shop, open_shop
from tests.pipelines.gates import Gate

from guildbank.kernel import Refusal
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.pipelines import Stages, Step
from guildbank.plugin_api import Annotated, Context, PurchaseView, Slot, Veto

EASY = Stages(entry=(Step("gate", "gate", {"word": "sure"}),))
Change = Callable[[Shop], Awaitable[object]]


class Barring(Gate):
    """Vetoes what certain players buy."""

    def __init__(self) -> None:
        super().__init__("barring", Slot.ENTRY)
        self.barred: set[str] = set()

    async def admit(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        said = await super().admit(context, purchase)
        barred = purchase.player_id in self.barred
        return Veto(code="barred", detail="You may not buy.") if barred else said


@pytest.fixture
def barring() -> Barring:
    return Barring()


@pytest.fixture
async def warm(house: House, barring: Barring) -> AsyncIterator[Shop]:
    """A shop whose process remembers all that a purchase goes by."""
    shop = await open_shop(house, plugins=(("gate", Gate(slot=Slot.ENTRY)), ("barring", barring)))
    shop.script.on_create = processed(499)
    # The first use of the account changes it.
    for _ in range(2):
        await shop.buy(await shop.player())
    yield shop
    await shop.payments.drain()


async def another_price(shop: Shop) -> None:
    changed = await shop.save(pack_id=shop.pack, coins=700, bonus=0)
    assert changed.version == 2


async def no_sale(shop: Shop) -> None:
    await shop.save(pack_id=shop.pack, active=False)


async def no_account(shop: Shop) -> None:
    saved = await configure_provider(
        shop.payments, shop.tenant, "scripted", {"secret": SECRET}, enabled=False
    )
    assert not isinstance(saved, Refusal), saved


async def a_step(shop: Shop) -> None:
    await shop.publish_stages(Stages(entry=(Step("gate", "gate", {"veto": True}),)))


async def test_a_purchase_asks_the_database_nothing_before_its_commit(
    warm: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    player, begun, seen = await warm.player(), warm.house.db.begin, []

    def counted(*args: Any, **more: Any) -> object:
        seen.append(args)
        return begun(*args, **more)

    commit = warm.house.journal.submit_all

    async def committing(*args: Any, **more: Any) -> object:
        assert not seen, "it goes by what is remembered"
        return await commit(*args, **more)

    monkeypatch.setattr(warm.house.db, "begin", counted)
    monkeypatch.setattr(warm.house.journal, "submit_all", committing)
    assert (await warm.buy(player)).state == "credited"


async def test_a_pack_that_was_changed_is_bought_as_it_is_now(warm: Shop) -> None:
    player = await warm.player()
    await another_price(warm)
    bought = await warm.buy(player)
    assert (bought.product_version, bought.coins) == (2, 700)
    assert await warm.coins(player) == {"paid": 700}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(no_sale, "pack_inactive", id="a pack is taken off"),
        pytest.param(no_account, "unknown_provider", id="an account is switched off"),
        pytest.param(a_step, "purchase_vetoed", id="a step is published"),
    ],
)
async def test_what_ends_a_sale_ends_it_at_once(warm: Shop, change: Change, code: str) -> None:
    asked = len(warm.script.requests)
    await change(warm)
    refused = await warm.try_buying(await warm.player())
    assert isinstance(refused, Refusal), refused
    assert refused.code == code
    assert len(warm.script.requests) == asked, "nobody was asked for money"


async def test_what_was_forbidden_is_allowed_at_once(warm: Shop) -> None:
    player = await warm.player()
    await a_step(warm)
    for _ in range(2):
        assert isinstance(await warm.try_buying(player), Refusal)
    await warm.publish_stages(EASY)
    assert (await warm.buy(player)).state == "credited"
    await warm.save(pack_id=warm.pack, active=False)
    assert isinstance(await warm.try_buying(player), Refusal)
    await warm.save(pack_id=warm.pack, active=True)
    assert (await warm.buy(player)).state == "credited"


async def test_a_veto_of_a_step_that_is_gone_is_none(warm: Shop, barring: Barring) -> None:
    """A veto comes to no commit, so what it goes by is looked at by itself."""
    player, other = await warm.player(), await warm.player()
    barring.barred.add(player)
    await warm.publish_stages(Stages(entry=(Step("list", "barring", {}),)))
    assert (await warm.buy(other)).state == "credited"
    refused = await warm.try_buying(player)
    assert isinstance(refused, Refusal), refused
    assert [seen.player_id for _, seen in barring.seen].count(player) == 1, "it was asked once"
    await warm.publish_stages(EASY)
    assert (await warm.buy(player)).state == "credited"


async def test_a_repeated_call_finds_its_payment_whatever_is_sold_by_then(warm: Shop) -> None:
    player = await warm.player()
    first = await warm.buy(player, "once")
    await another_price(warm)
    again = await warm.buy(player, "once")
    assert (again.id, again.coins) == (first.id, 500)
    await no_sale(warm)
    assert (await warm.buy(player, "once")).id == first.id
