"""Steps after the credit note what they find, in their order, and can refuse nothing any more."""

import asyncio
from typing import Any

from tests.house import House
from tests.payments.scripted import DECLINED
from tests.payments.shop import Shop, open_shop
from tests.payments.test_callbacks import Listener, follow
from tests.payments.turns import turn
from tests.pipelines.gates import Gate

from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.subscribers import CallbackOutbox
from guildbank.payments.usecases import callbacks
from guildbank.payments.usecases.callbacks import deliver_callbacks
from guildbank.payments.usecases.read_timeline import read_timeline
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.usecases.save_revision import save_revision
from guildbank.plugin_api import Annotated, Context, PurchaseView, Veto


def step(name: str, plugin: str = "noter", **settings: Any) -> Step:
    return Step(name, plugin, settings)


async def open_noting(house: House, *more: tuple[str, object]) -> tuple[Shop, Gate, Listener]:
    noter, listener = Gate("noter", fail_closed=False), Listener()
    plugins = (("noter", noter), ("listener", listener), *more)
    return await open_shop(house, plugins=plugins), noter, listener


async def told(shop: Shop) -> int:
    """Keep what is to be told, and tell it."""
    await follow(shop, CallbackOutbox(shop.payments))
    return await turn(deliver_callbacks, shop.payments, shop.tenant)


async def noted(shop: Shop, intent: Intent) -> list[tuple[str, dict[str, Any]]]:
    """Return what the timeline says of the steps after the credit."""
    moments = await read_timeline(shop.payments, shop.tenant, intent.id)
    assert not isinstance(moments, Refusal)
    found = [one for one in moments if one.facts.get("slot") == "after"]
    assert all(one.facts["attempt"] is None for one in found)
    return [(one.kind, {"step": one.facts["step"], **one.facts.get("notes", {})}) for one in found]


async def test_they_see_the_credit_and_each_others_notes_before_callbacks_hear_of_it(house: House):
    shop, noter, listener = await open_noting(house)
    stages = Stages(
        before=(step("first", word="red"),),
        after=(step("one-more", word="green"), step("and-more", word="blue")),
        callbacks=(step("tell", "listener"),),
    )
    await shop.publish_stages(stages)
    intent = await shop.buy(await shop.player())
    assert [one[1].credited_at for one in noter.seen] == [None]
    assert await told(shop) == 5
    [_, second, third] = [one[1] for one in noter.seen]
    assert second.credited_at is not None
    assert (second.payment_id, second.amount_minor) == (intent.id, 499)
    assert (second.coins, second.provider) == (500, "scripted")
    assert second.annotations == {"first.word": "red"}
    assert third.annotations == {"first.word": "red", "one-more.word": "green"}
    assert await noted(shop, intent) == [
        ("check.passed", {"step": "one-more", "one-more.word": "green"}),
        ("check.passed", {"step": "and-more", "and-more.word": "blue"}),
    ]
    assert len(listener.heard) == 3
    assert await told(shop) == 0


async def test_a_veto_after_the_money_was_taken_is_no_answer(house: House):
    shop, noter, listener = await open_noting(house)
    await shop.publish_stages(
        Stages(after=(step("late", veto=True),), callbacks=(step("tell", "listener"),))
    )
    intent = await shop.buy(await shop.player())
    assert await told(shop) == 4
    assert len(noter.seen) == 1
    assert await noted(shop, intent) == [("check.ignored", {"step": "late"})]
    assert await shop.state(intent) == "credited"
    assert [one.kind for one in listener.heard][-1] == "payments.credited"


class Dry(Gate):
    """Never has any ink."""

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated | Veto:
        raise RuntimeError("no ink")


async def test_one_that_raises_is_skipped(house: House):
    shop, _, _ = await open_noting(house, ("dry", Dry("dry", fail_closed=False)))
    await shop.publish_stages(Stages(after=(step("notes", "dry"),)))
    intents = [await shop.buy(await shop.player()) for _ in range(2)]

    await follow(shop, CallbackOutbox(shop.payments))
    assert await turn(deliver_callbacks, shop.payments, shop.tenant) == 2
    for intent in intents:
        assert await noted(shop, intent) == [("check.ignored", {"step": "notes"})]


async def test_a_payment_that_was_never_credited_is_not_looked_at(house: House):
    shop, noter, _ = await open_noting(house)
    await shop.publish_stages(Stages(after=(step("notes"),), callbacks=(step("t", "listener"),)))
    shop.script.on_create = DECLINED
    await shop.buy(await shop.player())
    assert await told(shop) > 0
    assert noter.seen == []


async def test_whoever_dies_while_it_asks_leaves_it_to_the_next(house: House, monkeypatch: Any):
    shop, noter, listener = await open_noting(house)
    await shop.publish_stages(Stages(after=(step("notes"),), callbacks=(step("t", "listener"),)))
    intent = await shop.buy(await shop.player())

    async def dies(*_: object) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched:
        patched.setattr(callbacks, "keep_notes", dies)
        await told(shop)
    assert await noted(shop, intent) == []
    # Under the lease nobody asks, and the callback does not hear of the credit.
    await told(shop)
    assert [one.kind for one in listener.heard] == ["payments.created", "payments.attempted"]
    shop.clock.by += shop.payments.timing.lease
    await told(shop)
    assert len(noter.seen) == 2
    assert await noted(shop, intent) == [("check.passed", {"step": "notes", "notes.word": "none"})]
    assert len(listener.heard) == 3


async def test_only_a_plugin_that_cannot_refuse_may_stand_there(house: House):
    shop, _, _ = await open_noting(house, ("gate", Gate()))
    stages = Stages(after=(step("late", "gate"),))
    refused = await save_revision(shop.payments.pipelines, shop.tenant, "app", "packs", stages)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_pipeline", "stages.after.0.plugin")
    assert refused.detail.startswith("It may refuse, and after the credit nothing can")
    of_spends = Stages(after=(step("late"),))
    refused = await save_revision(shop.payments.pipelines, shop.tenant, "app", "spend", of_spends)
    assert isinstance(refused, Refusal)
    assert refused.code in ("invalid_pipeline", "not_found")
