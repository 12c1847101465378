"""What runs goes on by a newer version of its plugin, by the settings that an older one took."""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from tests.house import House
from tests.payments.shop import Shop, open_shop
from tests.pipelines.test_publish import buy, run
from tests.plugin_host.apart import put_in
from tests.plugin_host.built import plugin_wheel

from guildbank.journal import Receipt
from guildbank.kernel import Refusal
from guildbank.pipelines import Follower, Stages, Step, save_revision
from guildbank.pipelines.usecases.limit_versions import limit_versions
from guildbank.pipelines.usecases.read import list_workers
from guildbank.pipelines.usecases.set_secrets import StepSecrets, set_secrets
from guildbank.plugin_api import SettingsMigration, Slot
from guildbank.plugin_host import Walls, join_installed

pytestmark = pytest.mark.skipif(Walls(Path("/nonexistent")).problem is not None, reason="no walls")

BODY = """
    started = ()

    async def start(self, context):
        self.started += (context.settings.get("place"),)

    async def before_provider(self, context, purchase):
        if context.settings != {given} or context.settings.get("place") not in self.started:
            return Veto(code="not_these", detail=str(context.settings) + str(self.started))
        return Annotated()
"""
HIDDEN = 'secret_fields=frozenset({{"{name}"}}), secrets_go_with=frozenset({{"{place}"}}),'
TEXT = '{"type": "string", "minLength": 3}'
STEPS = """settings_migrations=(
    SettingsMigration(version="2.0.0", renamed={"word": "place", "token": "password"}),
),"""


class Post:
    """A shop with one gate, whose versions are installed one after the other."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop, self.folder = shop, folder
        pipelines = shop.payments.pipelines
        self.follower = Follower(pipelines, shop.payments.tenants, "http")
        self.follower.id = f"{shop.tenant.slug}:1"

    async def put(self, version: str, place: str, name: str, more: str = "") -> None:
        given = {place: "north", name: "a-quiet-token"}
        wheel = plugin_wheel(
            self.folder,
            BODY.replace("{given}", repr(given)),
            id_="gate",
            version=version,
            more=HIDDEN.format(name=name, place=place) + more,
            properties=f'"{place}": {TEXT}, "{name}": {TEXT}',
        )
        refused = await put_in(self.folder / "data", wheel)
        assert refused is None, refused

    async def save(self, **settings: str) -> int:
        stages = Stages(before=(Step("guard", "gate", settings),))
        pipelines, tenant = self.shop.payments.pipelines, self.shop.tenant
        saved = await save_revision(pipelines, tenant, "app", "packs", stages)
        assert not isinstance(saved, Refusal), saved
        return saved.number

    async def secret(self, settings: dict[str, str], secrets: dict[str, str]) -> None:
        wanted = StepSecrets("packs", "guard", "before", "gate", settings, secrets)
        done = await set_secrets(self.shop.payments.pipelines, self.shop.tenant, "app", wanted)
        assert isinstance(done, Receipt), done

    async def problem(self) -> str | None:
        # A process is shown while it was seen of late.
        await self.follower.look()
        found = await list_workers(self.shop.payments.pipelines, self.shop.tenant, "packs")
        assert not isinstance(found, Refusal)
        return next(one.problem for one in found if one.id == self.follower.id)


@pytest.fixture
async def post(house: House, tmp_path: Path) -> AsyncIterator[Post]:
    shop = await open_shop(house)
    post = Post(shop, tmp_path)
    await post.put("1.0.0", "word", "token")
    join_installed(shop.payments.plugins, tmp_path / "data")
    await post.secret({"word": "north"}, {"token": "a-quiet-token"})
    await run(shop, await post.save(word="north"))
    yield post
    await shop.payments.plugins.close()


async def test_settings_and_secrets_of_an_older_version_reach_the_newer_one_by_its_names(
    post: Post,
) -> None:
    assert (await buy(post.shop))[1] == "credited"
    await post.put("2.0.0", "place", "password", STEPS)
    await post.follower.look()
    assert await post.problem() is None
    assert await buy(post.shop) == (1, "credited")
    # Saved by the newer version, the step has its own names, and secrets of its own.
    await post.secret({"place": "north"}, {"password": "a-quiet-token"})
    await run(post.shop, await post.save(place="north"))
    assert await buy(post.shop) == (2, "credited")


async def test_what_a_newer_version_cannot_use_rests_with_its_reason_and_nothing_passes_it(
    post: Post,
) -> None:
    await post.put("2.0.0", "place", "token")
    await post.follower.look()
    problem = await post.problem()
    assert problem is not None
    assert "gate 2.0.0 cannot use the settings of 1.0.0" in problem
    assert "a-quiet-token" not in problem
    refused = await post.shop.try_buying(await post.shop.player())
    assert isinstance(refused, Refusal)
    assert refused.code == "pipeline_unavailable"
    await post.secret({"place": "north"}, {"token": "a-quiet-token"})
    await run(post.shop, await post.save(place="north"))
    assert (await buy(post.shop))[1] == "credited"


async def test_an_upgrade_names_each_running_step_whose_settings_it_could_not_use(
    post: Post,
) -> None:
    pipelines, tenant = post.shop.payments.pipelines, post.shop.tenant
    gate = pipelines.plugins.at(Slot.MIDDLEWARE, "gate")
    assert gate is not None
    text = {"type": "string", "minLength": 3}
    wanted = msgspec.structs.replace(
        gate.manifest,
        version="2.0.0",
        settings_schema={
            "type": "object", "additionalProperties": False, "required": ["place", "password"],
            "properties": {"place": text, "password": text},
        },
        secret_fields=frozenset({"password"}),
        secrets_go_with=frozenset({"place"}),
    )  # fmt: skip
    services = SimpleNamespace(pipelines=pipelines)
    (why,) = await limit_versions(services, tenant, [wanted])
    assert "step guard in revision 1 of packs" in why
    step = SettingsMigration(version="2.0.0", renamed={"word": "place", "token": "password"})
    able = msgspec.structs.replace(wanted, settings_migrations=(step,))
    assert await limit_versions(services, tenant, [able]) == []
