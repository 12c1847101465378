"""An installed gate is asked like any other; one that fails refuses, and is switched off then."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.house import House
from tests.payments.shop import open_shop
from tests.pipelines.test_publish import buy, run, save
from tests.plugin_host.apart import put_in
from tests.plugin_host.built import plugin_wheel

from guildbank.kernel import Refusal
from guildbank.payments.charged import charges_of
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases.find_whence import find_whence
from guildbank.payments.usecases.read_timeline import read_timeline
from guildbank.pipelines import Stages, Step
from guildbank.pipelines.contracts import ScoreLimits
from guildbank.pipelines.store import USES_OF_PLUGIN
from guildbank.plugin_api import Slot
from guildbank.plugin_host import Plugins, Walls, join_installed

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

BODY = """
    async def before_provider(self, context, purchase):
        if context.settings["word"] == "throw":
            os._exit(1)
        if context.settings["word"] == "veto":
            return Veto(code="not_today", detail="Come back tomorrow.")
        return Annotated()
"""
COUNTING = """
    async def before_provider(self, context, purchase):
        import datetime
        ago = lambda days: context.now - datetime.timedelta(days=days)
        asked = (purchase.device, purchase.player_id)
        try:
            far = str(await context.history.sharers(*asked, ago(60)))
        except ValueError as error:
            far = str(error)
        return Annotated(annotations={
            "first": purchase.address.split(".")[0], "device": purchase.device,
            "sharers": str(await context.history.sharers(*asked, ago(1))), "too_far": far,
        })
"""
SCORING = """
    async def score(self, context, purchase):
        if context.settings.get("word") == "throw":
            os._exit(1)
        points = 60 if purchase.country == "AQ" else 5
        reason = Reason(code="where", points=points, detail="By where it is bought.")
        return Scored(points=points, reasons=(reason,))
"""


CHARGING = """
    async def charge(self, context, purchase):
        if context.settings.get("word") == "throw":
            os._exit(1)
        amount = 9_999 if context.settings.get("word") == "greed" else 30
        before = sum(one.amount_minor for one in purchase.charges)
        line = Charge(kind="fee", label=f"After {before}", amount_minor=amount)
        return Charged(charges=(line,))
"""


Find = Callable[..., Any]


@pytest.fixture
async def found_in() -> AsyncIterator[Find]:
    """Return what finds the gate of a folder, as a process that starts does."""
    opened: list[Plugins] = []

    def find(data: Path, *, safe: bool = False, slot: Slot = Slot.MIDDLEWARE) -> Any:
        plugins = Plugins()
        opened.append(plugins)
        join_installed(plugins, data, safe=safe)
        return plugins.at(slot, "gate")

    yield find
    for plugins in opened:
        await plugins.close()


@pytest.fixture
async def data(tmp_path: Path) -> Path:
    """A deployment with the plugin `gate` installed."""
    refused = await put_in(tmp_path / "data", plugin_wheel(tmp_path, BODY, id_="gate"))
    assert refused is None, refused
    return tmp_path / "data"


async def test_it_lets_pass_and_vetoes_as_its_settings_say(
    house: House, data: Path, found_in: Find
) -> None:
    gate = found_in(data)
    shop = await open_shop(house, plugins=(("gate", gate),))
    passes, vetoes = await save(shop, word="pass"), await save(shop, word="veto")
    await run(shop, passes)
    assert await buy(shop) == (passes, "credited")
    await run(shop, vetoes)
    assert await buy(shop) == (vetoes, "failed")
    async with house.db.begin(shop.tenant.schema, read_only=True) as tx:
        uses = await tx.driver.fetch(USES_OF_PLUGIN, "gate")
    assert [row[0] for row in uses] == [f"revision {vetoes} of packs"]


async def test_one_whose_process_dies_refuses_until_it_is_left_alone(
    house: House, data: Path, found_in: Find
) -> None:
    gate = found_in(data)
    shop = await open_shop(house, plugins=(("gate", gate),))
    await run(shop, await save(shop, word="throw"))
    states = [(await buy(shop))[1] for _ in range(11)]
    assert states == ["failed"] * 11
    rate = shop.payments.pipelines.rates.of((shop.tenant.schema, Slot.MIDDLEWARE, "gate"))
    assert not rate.allows()
    await run(shop, None)
    assert (await buy(shop))[1] == "credited"


async def test_in_safe_mode_purchases_that_need_it_are_refused_and_it_can_be_switched_off(
    house: House, data: Path, found_in: Find
) -> None:
    gate = found_in(data)
    shop = await open_shop(house, plugins=(("gate", gate),))
    await run(shop, await save(shop, word="pass"))
    slots = shop.payments.plugins._slots
    slots[Slot.MIDDLEWARE]["gate"] = found_in(data, safe=True)
    assert (await buy(shop))[1] == "failed"
    await run(shop, 0)
    assert (await buy(shop))[1] == "credited"


async def test_it_sees_where_a_purchase_comes_from_and_who_shares_the_device(
    house: House, tmp_path: Path, found_in: Find
) -> None:
    wheel = plugin_wheel(tmp_path, COUNTING, id_="gate")
    assert await put_in(tmp_path / "data", wheel) is None
    gate = found_in(tmp_path / "data")
    shop = await open_shop(house, plugins=(("gate", gate),))
    await run(shop, await save(shop, word="count"))
    whence = await find_whence(shop.payments, shop.tenant, "203.0.113.7", "a-token")
    for _ in range(2):
        await shop.buy(await shop.player(), whence=whence)
    bought = await shop.buy(await shop.player(), whence=whence)
    timeline = await read_timeline(shop.payments, shop.tenant, bought.id)
    assert not isinstance(timeline, Refusal)
    [notes] = [one.facts["notes"] for one in timeline if one.kind == "check.passed"]
    assert list(notes.values()) == [
        "203", whence.device, "2", "purchases are told for 31 days only",
    ]  # fmt: skip


async def test_an_installed_scorer_refuses_by_its_points_and_when_its_process_dies(
    house: House, tmp_path: Path, found_in: Find
) -> None:
    wheel = plugin_wheel(tmp_path, SCORING, id_="gate", slot="SCORER")
    assert await put_in(tmp_path / "data", wheel) is None
    scorer = found_in(tmp_path / "data", slot=Slot.SCORER)
    shop = await open_shop(house, plugins=(("gate", scorer),))

    async def states(word: str, limit: int | None) -> list[str]:
        step = Step("risk", "gate", {"word": word}, ScoreLimits(limit))
        await shop.publish_stages(Stages(scorers=(step,)))
        return [
            (await shop.buy(await shop.player(), country=country)).state.value
            for country in ("AQ", "DE")
        ]

    assert await states("weigh", 60) == ["failed", "credited"]
    assert await states("throw", 60) == ["failed", "failed"]


async def test_an_installed_step_charges_and_none_begins_when_its_process_dies(
    house: House, tmp_path: Path, found_in: Find
) -> None:
    wheel = plugin_wheel(tmp_path, CHARGING, id_="gate", slot="CHARGE")
    assert await put_in(tmp_path / "data", wheel) is None
    step = found_in(tmp_path / "data", slot=Slot.CHARGE)
    shop = await open_shop(house, plugins=(("gate", step),))

    async def bought(word: str) -> Intent | str:
        steps = (Step("one", "gate", {"word": word}), Step("two", "gate", {"word": word}))
        await shop.publish_stages(Stages(charges=steps))
        found = await shop.try_buying(await shop.player())
        return found.code if isinstance(found, Refusal) else found

    charged = await bought("fair")
    assert isinstance(charged, Intent)
    assert charged.amount_minor == 559
    assert [one.label for one in charges_of(charged)] == ["After 0", "After 30"]
    assert await bought("greed") == "gate_unavailable"
    assert await bought("throw") == "gate_unavailable"
