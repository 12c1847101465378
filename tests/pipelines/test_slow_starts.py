"""A plugin that hangs while it starts harms nobody but those who need it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate
from tests.pipelines.test_publish import run, save
from tests.pipelines.test_workers import Process, workers

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.pipelines.usecases import start
from guildbank.plugin_api import Context


class Slow(Gate):
    """Hangs while it starts for one tenant, until it is let go."""

    def __init__(self, tenant: str, seconds: int = 30) -> None:
        super().__init__()
        self.manifest = type(self.manifest)(
            id="gate", version="1", slot=self.manifest.slot, title="Gate",
            timeout_seconds=seconds, settings_schema=self.manifest.settings_schema,
        )  # fmt: skip
        self.tenant = tenant
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def start(self, context: Context) -> None:
        self.starts.append((context.tenant, context.settings.get("word")))
        if context.tenant == self.tenant:
            self.begun.set()
            await self.go.wait()


@asynccontextmanager
async def following(process: Process) -> AsyncIterator[None]:
    task = asyncio.create_task(process.follower.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def published_within(shop: Shop, process: str, number: int, seconds: float) -> bool:
    until = monotonic() + seconds
    while monotonic() < until:
        known = (await workers(shop)).get(process)
        if known is not None and known.published == number:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_where_one_tenants_start_hangs_anothers_publication_is_made_ready_in_two_seconds(
    house: House,
) -> None:
    stuck = await open_shop(house, plugins=(("gate", Gate()),))
    other = await open_shop(house, plugins=(("gate", Gate()),))
    process = Process(other, "slow:1", slow := Slow(stuck.tenant.slug))
    await run(stuck, await save(stuck, word="red"))
    async with following(process):
        await asyncio.wait_for(slow.begun.wait(), 10)
        number = await save(other, word="blue")
        await run(other, number)
        assert await published_within(other, "slow:1", number, 2)
        # It says that it lives while the start still hangs: what it said before is made old here.
        async with house.db.begin(CONTROL_SCHEMA) as tx:
            await tx.driver.execute(
                "UPDATE pipelines_process SET seen_at = now() - interval '11 s' WHERE id = 'slow:1'"
            )
        assert "slow:1" not in await workers(other)
        await asyncio.sleep(4)
        assert "slow:1" in await workers(other)
        assert not slow.go.is_set()
        slow.go.set()
        assert await published_within(stuck, "slow:1", 1, 4)


async def test_what_is_published_while_a_start_hangs_is_made_ready_after_it(house: House) -> None:
    stuck = await open_shop(house, plugins=(("gate", Gate()),))
    process = Process(stuck, "slow:2", slow := Slow(stuck.tenant.slug))
    await run(stuck, await save(stuck, word="red"))
    async with following(process):
        await asyncio.wait_for(slow.begun.wait(), 10)
        number = await save(stuck, word="blue")
        await run(stuck, number)
        await asyncio.sleep(1.5)
        slow.go.set()
        assert await published_within(stuck, "slow:2", number, 4)
        assert process.started(stuck) == ["red", "blue"]


async def test_more_that_hang_than_there_are_places_keep_nobody_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guildbank.pipelines.usecases.follow.PLACES", 1)
    stuck = await open_shop(house, plugins=(("gate", Gate()),))
    other = await open_shop(house, plugins=(("gate", Gate()),))
    process = Process(other, "slow:3", slow := Slow(stuck.tenant.slug))
    await run(stuck, await save(stuck, word="red"))
    async with following(process):
        await asyncio.wait_for(slow.begun.wait(), 10)
        number = await save(other, word="blue")
        await run(other, number)
        assert await published_within(other, "slow:3", number, 4)


async def test_after_a_start_that_used_up_its_time_a_purchase_falls_back_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As with a time-out that is longer than the pause after which it is tried again.
    monkeypatch.setattr(start, "AGAIN_SECONDS", 0.9)
    shop = await open_shop(house, plugins=(("gate", Gate()),))
    await run(shop, await save(shop, word="red"))
    sick = Process(shop, "slow:4", Slow("nobody", seconds=1))
    await sick.follower.look()
    number = await save(shop, word="blue")
    await run(shop, number)
    player = await shop.player()
    assert isinstance(sick.gate, Slow)
    sick.gate.tenant = shop.tenant.slug
    shop.payments.pipelines = sick.pipelines
    assert (await shop.buy(player)).revision == number - 1
    assert sick.started(shop) == ["red", "blue"]
    assert (await shop.buy(player)).revision == number - 1
    assert sick.started(shop) == ["red", "blue"], "the second purchase waited for a start again"


async def test_a_start_that_ends_after_its_plugin_was_replaced_stands_for_nothing(
    house: House,
) -> None:
    shop = await open_shop(house, plugins=(("gate", Gate()),))
    await run(shop, await save(shop, word="red"))
    process = Process(shop, "slow:5", slow := Slow(shop.tenant.slug))
    looking = asyncio.create_task(process.follower.look())
    await asyncio.wait_for(slow.begun.wait(), 10)
    process.pipelines.forget()
    slow.go.set()
    await looking
    shop.payments.pipelines = process.pipelines
    await shop.buy(await shop.player())
    assert process.started(shop) == ["red", "red"]
