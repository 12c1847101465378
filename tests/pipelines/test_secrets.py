"""A step's secrets stand in no revision, are those of now, and go to no other address."""

from typing import Any

import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.pipelines.gates import Asking
from tests.pipelines.test_pinned import declined
from tests.pipelines.test_publish import refused, run

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.pipelines import Stages, Step, save_revision
from guildbank.pipelines.contracts import SlotName
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets

HERE, THERE = "https://game.example/ask", "https://evil.example/ask"


@pytest.fixture
async def gate() -> Asking:
    return Asking()


@pytest.fixture
async def shop(house: House, gate: Asking) -> Shop:
    return await open_shop(house, plugins=(("asking", gate),))


async def put(
    shop: Shop, token: str, url: str = HERE, slot: SlotName = "before", **more: Any
) -> object:
    wanted = StepSecrets("packs", "ask", slot, "asking", {"url": url, **more}, {"token": token})
    return await set_secrets(shop.payments.pipelines, shop.tenant, "app", wanted)


async def draft(shop: Shop, url: str = HERE, **more: Any) -> int | Refusal:
    stages = Stages(before=(Step("ask", "asking", {"url": url, **more}),))
    saved = await save_revision(shop.payments.pipelines, shop.tenant, "app", "packs", stages)
    return saved if isinstance(saved, Refusal) else saved.number


async def saved(shop: Shop, url: str = HERE, **more: Any) -> int:
    number = await draft(shop, url, **more)
    assert isinstance(number, int), number
    return number


async def test_a_step_gets_its_secrets_and_no_revision_and_no_entry_has_them(
    shop: Shop, gate: Asking, house: House
) -> None:
    assert isinstance(await put(shop, "quiet-token-1"), Receipt)
    await run(shop, await saved(shop))
    await shop.buy(await shop.player())
    assert gate.tokens == [(HERE, "quiet-token-1")]
    async with house.db.begin(shop.tenant.schema, read_only=True) as tx:
        stored = [
            row[0]
            for text in (
                "SELECT data FROM journal_entry",
                "SELECT document FROM pipelines_revision",
                "SELECT sealed FROM pipelines_secret",
            )
            for row in await tx.driver.fetch(text)
        ]
    assert len(stored) > 4
    assert not [one for one in stored if "quiet-token" in str(one)]


async def test_another_secret_holds_at_once_and_needs_no_revision(shop: Shop, gate: Asking) -> None:
    await put(shop, "quiet-token-1")
    await run(shop, await saved(shop))
    await put(shop, "quiet-token-2")
    await shop.buy(await shop.player())
    assert gate.tokens == [(HERE, "quiet-token-2")]


async def test_who_moves_the_address_is_not_sent_the_secret(shop: Shop, gate: Asking) -> None:
    await put(shop, "quiet-token-1")
    moved = await draft(shop, THERE)
    assert isinstance(moved, Refusal)
    assert (moved.code, moved.field) == ("invalid_pipeline", "stages.before.0.settings")
    # Another setting is no address: the secret stays.
    number = await saved(shop, word="red")
    await put(shop, "their-token-1", THERE)
    other = await saved(shop, THERE)
    await run(shop, number)
    await shop.buy(await shop.player())
    await run(shop, other)
    await shop.buy(await shop.player())
    await run(shop, None)
    await shop.buy(await shop.player())
    assert gate.tokens == [
        (HERE, "quiet-token-1"), (THERE, "their-token-1"), (HERE, "quiet-token-1"),
    ]  # fmt: skip


async def test_two_steps_of_one_name_in_two_revisions_get_each_their_own(
    shop: Shop, gate: Asking
) -> None:
    await put(shop, "quiet-token-1")
    await put(shop, "their-token-1", THERE)
    await run(shop, await saved(shop))
    intent = await declined(shop)
    await run(shop, await saved(shop, THERE))
    gate.tokens.clear()
    await shop.retry(intent)
    assert gate.tokens == [(HERE, "quiet-token-1"), (THERE, "their-token-1")]


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"token": "short"}, "secrets.token"),
        ({"token": "quiet-token-1", "slot": "entry"}, "plugin"),
        ({"token": "quiet-token-1", "strange": 1}, "settings"),
    ],
)
async def test_secrets_that_the_plugin_does_not_take_are_refused(
    shop: Shop, wanted: dict[str, Any], field: str
) -> None:
    answer = await put(shop, **wanted)
    assert isinstance(answer, Refusal)
    assert (answer.code, answer.field) == ("invalid_settings", field)
    assert "short" not in answer.detail.split()


async def test_a_secret_among_the_settings_of_a_revision_is_refused_unrepeated(shop: Shop) -> None:
    await put(shop, "quiet-token-1")
    answer = await draft(shop, token="quiet-token-1")
    assert isinstance(answer, Refusal)
    assert answer.field == "stages.before.0.settings.token"
    assert "quiet-token" not in str(answer)


async def test_a_step_whose_secrets_are_another_tenants_cannot_run(
    house: House, shop: Shop
) -> None:
    await put(shop, "quiet-token-1")
    other = await open_shop(house, plugins=(("asking", Asking()),))
    assert isinstance(await draft(other), Refusal)
    assert await refused(other, 1) == "not_found"
