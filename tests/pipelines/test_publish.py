"""Publishing changes what runs for new payments at once, and nothing else does."""

import asyncio

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Gate

from guildbank.kernel import Refusal
from guildbank.pipelines import Stages, Step, Wanted, publish, save_revision
from guildbank.pipelines.contracts import Pipeline


@pytest.fixture
async def gate() -> Gate:
    return Gate()


@pytest.fixture
async def shop(house: House, gate: Gate) -> Shop:
    return await open_shop(house, plugins=(("gate", gate),))


async def save(shop: Shop, **settings: object) -> int:
    stages = Stages(before=(Step("check", "gate", settings),))
    saved = await save_revision(shop.payments.pipelines, shop.tenant, "app", "packs", stages)
    assert not isinstance(saved, Refusal), saved
    return saved.number


async def run(shop: Shop, number: int | None, **more: int) -> Pipeline:
    done = await tried(shop, number, **more)
    assert isinstance(done, Pipeline), done
    return done


async def tried(shop: Shop, number: int | None, **more: int) -> object:
    wanted = Wanted(purpose="packs", number=number, **more)
    return await publish(shop.payments.pipelines, shop.tenant, "app", wanted)


async def refused(shop: Shop, number: int | None, **more: int) -> str:
    done = await tried(shop, number, **more)
    assert isinstance(done, Refusal), done
    return done.code


async def buy(shop: Shop) -> tuple[int, str]:
    intent = await shop.buy(await shop.player())
    return intent.revision, intent.state.value


async def test_a_draft_runs_for_nobody_until_it_is_published(shop: Shop, gate: Gate) -> None:
    number = await save(shop, veto=True)
    assert await buy(shop) == (0, "credited")
    assert gate.seen == []
    await run(shop, number)
    assert await buy(shop) == (number, "failed")


async def test_a_rollback_lets_run_what_ran_before_and_back_again(shop: Shop) -> None:
    first, second = await save(shop, word="red"), await save(shop, veto=True)
    await run(shop, first)
    await run(shop, second)
    assert await buy(shop) == (second, "failed")
    back = await run(shop, None)
    assert (back.published, back.previous) == (first, second)
    assert await buy(shop) == (first, "credited")
    assert (await run(shop, None)).published == second


async def test_the_first_publication_rolls_back_to_no_step_at_all(shop: Shop) -> None:
    assert await refused(shop, None) == "not_found"
    await run(shop, await save(shop, veto=True))
    assert (await run(shop, None)).published == 0
    assert await buy(shop) == (0, "credited")


async def test_a_share_of_the_players_gets_the_canary_and_always_the_same_ones(
    shop: Shop,
) -> None:
    first, second = await save(shop, word="red"), await save(shop, word="blue")
    await run(shop, first)
    canary = await run(shop, second, share=30)
    assert (canary.published, canary.canary, canary.share) == (first, second, 30)
    players = [await shop.player() for _ in range(40)]
    got = [(await shop.buy(player)).revision for player in players]
    assert set(got) == {first, second}
    assert [(await shop.buy(player)).revision for player in players] == got
    # Taking it back brings them all to what is published.
    assert (await run(shop, None)).canary is None
    assert {(await shop.buy(player)).revision for player in players} == {first}
    await run(shop, second, share=30)
    whole = await run(shop, second)
    assert (whole.published, whole.previous, whole.canary) == (second, first, None)


async def test_nobody_publishes_over_what_they_have_not_seen(shop: Shop) -> None:
    first, second = await save(shop), await save(shop, word="blue")
    await run(shop, first, over=0)
    assert await refused(shop, second, over=0) == "pipeline_moved"
    assert (await run(shop, second, over=first)).published == second


async def test_two_who_publish_at_once_over_the_same_are_one_after_the_other(shop: Shop) -> None:
    numbers = [await save(shop, word=str(n)) for n in range(6)]
    done = await asyncio.gather(*(tried(shop, number, over=0) for number in numbers))
    assert sum(isinstance(one, Pipeline) for one in done) == 1
    codes = {one.code for one in done if isinstance(one, Refusal)}
    assert codes == {"pipeline_moved"}


async def test_publishing_the_same_again_changes_nothing(shop: Shop) -> None:
    number = await save(shop)
    first = await run(shop, number)
    assert await run(shop, number) == first
    assert (await run(shop, None)).published == 0


async def test_a_revision_that_does_not_exist_is_not_published(shop: Shop) -> None:
    await save(shop)
    assert await refused(shop, 2) == "not_found"


async def test_a_plugin_that_does_not_start_leaves_what_runs_in_its_place(
    shop: Shop, gate: Gate
) -> None:
    first, second = await save(shop, word="red"), await save(shop, word="blue")
    await run(shop, first)
    gate.broken = RuntimeError("no licence")
    done = await tried(shop, second)
    assert isinstance(done, Refusal)
    assert (done.code, done.field) == ("step_not_started", "stages.before.0")
    assert await buy(shop) == (first, "credited")
    gate.broken = None
    assert (await run(shop, second)).published == second
    assert [word for _, word in gate.starts] == ["red", "blue", "blue"]


async def test_what_a_plugin_does_not_take_any_more_is_not_published(
    shop: Shop, gate: Gate
) -> None:
    number = await save(shop, word="rude-not")
    gate.sick = True
    done = await tried(shop, number)
    assert isinstance(done, Refusal)
    assert done.code == "invalid_pipeline"
    assert done.detail == "The plugin could not check them: no dictionary"
