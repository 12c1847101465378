"""A store that waits to hear of what is credited is told once, whoever fails in between."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.house import House
from tests.payments.scripted import MANIFEST, Lost, Scripted, processed
from tests.payments.shop import SECRET, Shop, open_shop
from tests.payments.test_backlogs import Board, waiting

from guildbank.infra import backlogs
from guildbank.kernel import Refusal
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases import settle
from guildbank.payments.usecases.configure_provider import configure_provider
from guildbank.payments.usecases.finish_payment import finish_payment
from guildbank.plugin_api import Context

WAITING = msgspec.structs.replace(
    MANIFEST, id="waiting", capabilities=MANIFEST.capabilities | {"finish"}
)


class Waiting(Scripted):
    """A provider that notes what it was told, and fails as often as a test says."""

    def __init__(self) -> None:
        super().__init__(WAITING)
        self.told: list[str] = []
        self.fails = 0

    async def finish_payment(self, context: Context, reference: str) -> None:
        self.told.append(reference)
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise Lost


class Store:
    """A shop that sells by such a provider."""

    def __init__(self, shop: Shop, script: Waiting) -> None:
        self.shop = shop
        self.script = script

    async def sell(self, by: str = "waiting") -> Intent:
        intent = await self.shop.buy(await self.shop.player(), provider=by)
        await self.shop.payments.drain()
        return intent

    async def finish(self, intent: Intent) -> str | None:
        found = (await self.shop.dossier(intent)).attempts[-1].finish
        return None if found is None else found.value


@pytest.fixture
async def store(house: House) -> AsyncIterator[Store]:
    script = Waiting()
    shop = await open_shop(house, plugins=(("waiting", script),))
    made = await configure_provider(
        shop.payments, shop.tenant, "waiting", {"secret": SECRET}, enabled=True
    )
    assert not isinstance(made, Refusal), made
    yield Store(shop, script)
    await shop.payments.close()


async def test_it_is_told_at_once_and_no_more(store: Store):
    intent = await store.sell()
    (attempt,) = (await store.shop.dossier(intent)).attempts
    assert store.script.told == [attempt.reference]
    assert await store.finish(intent) == "done"
    assert await store.shop.later(days=2) == 0
    assert len(store.script.told) == 1


async def test_it_is_told_again_until_it_answers(store: Store):
    store.script.fails = 3
    intent = await store.sell()
    assert await store.finish(intent) == "due"
    for seconds, told in ((20, 1), (20, 2), (200, 2), (200, 3), (3_000, 3), (1_000, 4)):
        await store.shop.later(seconds=seconds)
        assert len(store.script.told) == told
    assert await store.finish(intent) == "done"
    assert (await store.shop.kinds()).count("finished") == 1


async def test_what_a_process_left_undone_is_found(store: Store, monkeypatch: pytest.MonkeyPatch):
    """The process dies right after the commit, before it has begun to tell."""
    monkeypatch.setattr(settle, "begin_finish", lambda *_: None)
    intent = await store.shop.buy(await store.shop.player(), provider="waiting")
    monkeypatch.undo()
    assert (await store.finish(intent), store.script.told) == ("due", [])
    assert await store.shop.later() == 1
    assert await store.finish(intent) == "done"


async def test_those_who_race_tell_it_once(store: Store):
    store.script.fails = 1
    intent = await store.sell()
    (attempt,) = (await store.shop.dossier(intent)).attempts
    await store.shop.later(seconds=20)
    store.shop.clock.by *= 3
    shop = store.shop
    done = await asyncio.gather(
        *(finish_payment(shop.payments, shop.tenant, attempt.id) for _ in range(5))
    )
    assert sum(done) == 1
    assert len(store.script.told) == 2
    assert (await shop.kinds()).count("finished") == 1


async def test_what_a_store_was_not_told_yet_is_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(backlogs, "FRESH_SECONDS", 0.0)
    board = Board(store.shop.house.db, store.shop.tenant)
    store.script.fails = 1
    await store.sell()
    assert await waiting(board) == {"attempts_unfinished": 1}
    await store.shop.later(seconds=40)
    assert await waiting(board) == {}


async def test_money_that_bought_nothing_is_not_told_of(store: Store):
    store.script.on_create = processed(498)
    intent = await store.sell()
    assert (await store.finish(intent), store.script.told) == (None, [])


async def test_others_are_told_nothing(store: Store):
    intent = await store.sell("scripted")
    assert await store.finish(intent) is None


async def test_a_refund_changes_nothing_of_it(store: Store):
    intent = await store.sell()
    await store.shop.refunded(intent)
    assert await store.finish(intent) == "done"
    assert len(store.script.told) == 1
