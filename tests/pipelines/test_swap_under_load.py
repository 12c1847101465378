"""Fifty publications while players buy over two workers: no error, and one revision a payment."""

import asyncio
from dataclasses import replace

from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate
from tests.pipelines.test_publish import run

from guildbank.journal import Journal
from guildbank.kernel import Refusal
from guildbank.payments import Payments
from guildbank.payments.contracts.rows import Intent
from guildbank.pipelines import Pipelines, Stages, Step, save_revision
from guildbank.plugin_api import Slot

PUBLICATIONS = 50
PLAYERS = 12


async def two_steps(shop: Shop, word: str) -> int:
    """Save a revision whose two gates know it by the word."""
    settings = {"word": word}
    stages = Stages(
        entry=(Step("way-in", "door", settings),), before=(Step("check", "gate", settings),)
    )
    saved = await save_revision(shop.payments.pipelines, shop.tenant, "app", "packs", stages)
    assert not isinstance(saved, Refusal), saved
    return saved.number


def another_worker(shop: Shop, journal: Journal) -> Shop:
    """Return the same shop as a second process has it: with a journal and a memory of its own."""
    one = shop.payments.pipelines
    pipelines = Pipelines(
        one.db,
        journal,
        one.plugins,
        one.egress,
        one.four_eyes,
        one.tenants,
        one.purposes,
        one.clock,
    )
    p = shop.payments
    payments = Payments(
        p.db, journal, p.tenants, p.plugins, pipelines, p.fulfilment, p.url, p.four_eyes, p.egress,
        p.clock, replace(p.timing),
    )  # fmt: skip
    other = Shop(shop.house, shop.tenant, payments, shop.script)
    other.pack = shop.pack
    return other


async def test_fifty_publications_drop_no_purchase_and_mix_no_revisions(house: House) -> None:
    door, gate = Gate("door", Slot.ENTRY), Gate()
    shop = await open_shop(house, plugins=(("door", door), ("gate", gate)))
    second = Journal(house.db)
    shops = [shop, another_worker(shop, second)]
    words = {await two_steps(shop, word): word for word in ("red", "green", "blue")}
    numbers = list(words)
    await run(shop, numbers[0])
    done = asyncio.Event()
    bought: list[Intent] = []
    heard: asyncio.Queue[None] = asyncio.Queue()

    async def buy(number: int) -> None:
        player = await shop.player()
        while not done.is_set():
            bought.append(await shops[number % 2].buy(player))
            heard.put_nowait(None)

    async def swap() -> None:
        try:
            for turn in range(1, PUBLICATIONS + 1):
                await run(shop, numbers[turn % 3])
                # Each one is bought through, also where this machine is slow.
                for _ in range(3):
                    await heard.get()
        finally:
            done.set()

    async with asyncio.timeout(300):
        await asyncio.gather(swap(), *(buy(number) for number in range(PLAYERS)))
    assert {one.state for one in bought} == {"credited"}
    assert {one.revision for one in bought} == set(numbers)
    asked: dict[str, list[str]] = {}
    for settings, purchase in gate.seen:
        asked.setdefault(purchase.payment_id, []).append(settings["word"])
    for one in bought:
        # Its own check first; one that was published before it was asked may follow.
        assert asked[one.id][0] == words[one.revision], one
    assert len(bought) >= 3 * PUBLICATIONS
    await second.close()
