"""Revisions are saved once they can run, never change, and say all that is wrong."""

from typing import Any

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate

from guildbank.kernel import Refusal
from guildbank.pipelines import Stages, Step, save_revision
from guildbank.pipelines.usecases.check import find_problems
from guildbank.pipelines.usecases.read import get_revision, list_revisions
from guildbank.plugin_api import Slot


@pytest.fixture
async def shop(house: House) -> Shop:
    gates = (("a", Gate("gate")), ("b", Gate("door", Slot.ENTRY)))
    return await open_shop(house, plugins=gates)


def step(id_: str = "one", plugin: str = "gate", **settings: Any) -> Step:
    return Step(id_, plugin, settings)


async def test_every_saved_revision_keeps_its_number_and_its_steps(shop: Shop) -> None:
    pipelines, tenant = shop.payments.pipelines, shop.tenant
    for word in ("red", "blue"):
        stages = Stages(before=(step(word=word),))
        saved = await save_revision(pipelines, tenant, "app", "packs", stages)
        assert not isinstance(saved, Refusal)
    found = await list_revisions(pipelines, tenant, "packs", 100, 10)
    assert not isinstance(found, Refusal)
    assert [(one.number, one.stages.before[0].settings["word"]) for one in found] == [
        (2, "blue"), (1, "red"),
    ]  # fmt: skip
    assert await get_revision(pipelines, tenant, "packs", 2) == found[0]
    missing = await get_revision(pipelines, tenant, "packs", 3)
    assert isinstance(missing, Refusal)
    assert missing.code == "not_found"


async def test_the_same_key_answers_the_same_revision_for_ever(shop: Shop) -> None:
    pipelines, tenant = shop.payments.pipelines, shop.tenant
    stages = Stages(before=(step(),))
    first = await save_revision(pipelines, tenant, "app", "packs", stages, key="k")
    again = await save_revision(pipelines, tenant, "app", "packs", stages, key="k")
    assert first == again
    other = await save_revision(pipelines, tenant, "app", "packs", Stages(), key="k")
    assert isinstance(other, Refusal)
    assert other.code == "key_reused"
    # Its plugin may be gone by then: the answer was given before.
    shop.payments.pipelines.plugins._slots[Slot.MIDDLEWARE].clear()
    assert await save_revision(pipelines, tenant, "app", "packs", stages, key="k") == first


@pytest.mark.parametrize(
    ("stages", "field"),
    [
        (Stages(before=(step(plugin="nobody"),)), "stages.before.0.plugin"),
        (Stages(before=(step(plugin="door"),)), "stages.before.0.plugin"),
        (Stages(entry=(step(plugin="scripted"),)), "stages.entry.0.plugin"),
        (Stages(before=(step(veto="yes"),)), "stages.before.0.settings.veto"),
        (Stages(before=(step(other=1),)), "stages.before.0.settings"),
        (Stages(before=(step(word="rude"),)), "stages.before.0.settings.word"),
        (Stages(before=(step("One!"),)), "stages.before.0.id"),
        (Stages(entry=(step(plugin="door"),), before=(step(),)), "stages.before.0.id"),
        (Stages(before=tuple(step(f"s{n}") for n in range(21))), "stages.before"),
        (Stages(before=(step(word="x" * 40_000),)), "stages"),
    ],
)
async def test_a_revision_that_cannot_run_is_refused_and_names_the_place(
    shop: Shop, stages: Stages, field: str
) -> None:
    pipelines, tenant = shop.payments.pipelines, shop.tenant
    refused = await save_revision(pipelines, tenant, "app", "packs", stages)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_pipeline", field)
    assert await list_revisions(pipelines, tenant, "packs", 100, 10) == []


async def test_a_check_names_all_that_is_wrong_at_once(shop: Shop) -> None:
    stages = Stages(entry=(step("a", "nobody"),), before=(step("a"), step("b", word="rude")))
    found = await find_problems(shop.payments.pipelines, shop.tenant, "packs", stages)
    assert [one.field for one in found] == [
        "stages.entry.0.plugin", "stages.before.0.id", "stages.before.1.settings.word",
    ]  # fmt: skip


async def test_a_purpose_that_nothing_sells_has_no_pipeline(shop: Shop) -> None:
    refused = await save_revision(shop.payments.pipelines, shop.tenant, "app", "castles", Stages())
    assert isinstance(refused, Refusal)
    assert refused.code == "not_found"
