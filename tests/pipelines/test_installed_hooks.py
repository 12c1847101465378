"""An installed plugin is asked about operations behind its wall, and refuses when it dies."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.plugin_host.apart import put_in
from tests.plugin_host.built import plugin_wheel

from guildbank.kernel import Refusal
from guildbank.pipelines import Stages, Step, Wanted, ask_hooks, publish, save_revision
from guildbank.pipelines.contracts import Pipeline
from guildbank.plugin_api import Slot
from guildbank.plugin_api.conformance import SPEND
from guildbank.plugin_host import Plugins, Walls, join_installed

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

BODY = """
    def check_move_settings(self, settings):
        rude = settings.get("word") == "rude"
        return [SettingProblem(field="word", detail="is rude")] if rude else []

    async def before_moves(self, context, moves):
        if context.settings["word"] == "throw":
            os._exit(1)
        no = Judgement(veto=Veto(code="too_large", detail="Spend less at once."))
        yes = Judgement(annotations={"by": "fence"})
        return Judged(tuple(no if one.amounts["GEM"] > 30 else yes for one in moves))

    async def before_provider(self, context, purchase):
        return Annotated()
"""


async def save(shop: Shop, word: str) -> int | Refusal:
    steps = (Step("gate", "gate", {"word": word}),)
    pipelines = shop.payments.pipelines
    saved = await save_revision(pipelines, shop.tenant, "app", "spend", Stages(before=steps))
    return saved if isinstance(saved, Refusal) else saved.number


async def run(shop: Shop, word: str) -> Pipeline:
    number = await save(shop, word)
    assert isinstance(number, int)
    pipelines, wanted = shop.payments.pipelines, Wanted(purpose="spend", number=number)
    published = await publish(pipelines, shop.tenant, "app", wanted)
    assert isinstance(published, Pipeline), published
    return published


async def test_it_judges_each_operation_and_refuses_all_once_its_process_dies(
    house: House, tmp_path: Path
) -> None:
    able = "capabilities=frozenset({BEFORE_MOVES}),"
    wheel = plugin_wheel(tmp_path, BODY, id_="gate", more=able)
    assert await put_in(tmp_path / "data", wheel) is None
    plugins = Plugins()
    join_installed(plugins, tmp_path / "data")
    gate: Any = plugins.at(Slot.MIDDLEWARE, "gate")
    shop = await open_shop(house, plugins=(("gate", gate),))
    pipelines = shop.payments.pipelines
    pipelines.purposes = {**pipelines.purposes, "spend": "Spends."}
    pipelines.verbs = frozenset({"spend"})
    refused = await save(shop, "rude")
    assert isinstance(refused, Refusal)
    assert refused.field == "stages.before.0.settings.word"
    moves = [SPEND, msgspec.structs.replace(SPEND, amounts={"GEM": 31})]
    passes, vetoed = await ask_hooks(pipelines, shop.tenant, await run(shop, "judge"), moves)
    assert (passes.refusal, passes.answers[0].notes) == (None, {"gate.by": "fence"})
    assert vetoed.refusal is not None
    assert (vetoed.refusal.code, vetoed.refusal.extra["veto"]) == ("operation_vetoed", "too_large")
    died = await ask_hooks(pipelines, shop.tenant, await run(shop, "throw"), moves)
    assert [one.refusal.code for one in died if one.refusal] == ["gate_unavailable"] * 2
    await plugins.close()
