"""Callback steps of a verb are told what was committed; of purchases none of its hooks is asked."""

from datetime import timedelta

from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.payments.test_callbacks import Listener, follow
from tests.wallets.hooking import NO, Hook

from guildbank.kernel import Refusal, new_id
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.pipelines import Stages, Step, Wanted, publish, save_revision
from guildbank.pipelines.contracts import Pipeline
from guildbank.wallets.contracts import Grant
from guildbank.wallets.usecases.grant import GrantAct


async def open_with(house: House, listener: Listener, *more: tuple[str, object]) -> Shop:
    shop = await open_shop(house, plugins=(("listener", listener), *more))
    pipelines = shop.payments.pipelines
    pipelines.purposes = {**pipelines.purposes, "spend": "Spends.", "grant": "Grants."}
    pipelines.verbs = frozenset({"spend", "grant"})
    return shop


async def tell(shop: Shop, verb: str, *names: str) -> None:
    await run(shop, verb, Stages(callbacks=tuple(Step(name, "listener") for name in names)))


async def run(shop: Shop, verb: str, stages: Stages) -> None:
    pipelines = shop.payments.pipelines
    saved = await save_revision(pipelines, shop.tenant, "app", verb, stages)
    assert not isinstance(saved, Refusal), saved
    wanted = Wanted(purpose=verb, number=saved.number)
    assert isinstance(await publish(pipelines, shop.tenant, "app", wanted), Pipeline)


async def granted(shop: Shop, player: str, amount: int) -> None:
    act = GrantAct("app", new_id("key"), Grant(player, "GEM", amount))
    await shop.house.journal.submit(shop.tenant.schema, act)


async def test_each_verbs_steps_hear_their_operations_once_and_in_order(house: House) -> None:
    listener = Listener()
    shop = await open_with(house, listener)
    player = await shop.player()
    await granted(shop, player, 100)
    outbox = CallbackOutbox(shop.payments)
    await follow(shop, outbox)
    await tell(shop, "spend", "tell-game")
    for amount in (1, 2, 3):
        await shop.spend(player, amount)
    await granted(shop, player, 9)
    await follow(shop, outbox)
    await follow(shop, outbox)
    assert await deliver_callbacks(shop.payments, shop.tenant) == 3
    assert [(event.kind, event.data["amount"]) for event in listener.heard] == [
        ("wallets.spent", 1), ("wallets.spent", 2), ("wallets.spent", 3),
    ]  # fmt: skip
    assert {event.data["player"] for event in listener.heard} == {player}


async def test_who_was_not_reached_is_told_again_and_a_purchase_is_no_operation(
    house: House,
) -> None:
    listener = Listener()
    shop = await open_with(house, listener)
    await tell(shop, "spend", "tell-game")
    await tell(shop, "grant", "tell-desk")
    player = await shop.player()
    intent = await shop.buy(player)
    await shop.refunded(intent)
    await granted(shop, player, 5)
    await follow(shop, CallbackOutbox(shop.payments))
    listener.failures = 1
    assert await deliver_callbacks(shop.payments, shop.tenant) == 0
    shop.clock.by += timedelta(seconds=10)
    assert await deliver_callbacks(shop.payments, shop.tenant) == 1
    assert [event.kind for event in listener.heard] == ["wallets.granted"]


async def test_money_that_comes_and_goes_back_asks_no_hook_of_a_verb(house: House) -> None:
    hook = Hook("hook")
    shop = await open_with(house, Listener(), ("hook", hook))
    hook.judge[shop.tenant.slug] = lambda _: NO
    for verb in ("spend", "grant"):
        await run(shop, verb, Stages(before=(Step("ask", "hook"),)))
    player = await shop.player()
    intent = await shop.buy(player)
    assert intent.state == "credited"
    await shop.refunded(intent)
    assert await shop.coins(player) == {}
    assert hook.asked == {}
