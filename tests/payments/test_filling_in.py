"""Whoever fills in settings learns what a field may be and what is wrong with it, and no secret."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from tests.approvals.office import Office, open_office
from tests.payments.scripted import MANIFEST, Scripted
from tests.studio import City, done, open_city, refused

from guildbank.infra.postgres import Cluster
from guildbank.plugin_api import (
    Annotated,
    Context,
    Health,
    Manifest,
    Option,
    PurchaseView,
    SettingProblem,
    Slot,
)

SECRET = "shh-quiet"
PROVIDER, STEP = "/v1/providers/scripted", "/v1/pipelines/packs/steps/ask"


class Shops(Scripted):
    """A provider whose shops are those that a key opens."""

    def __init__(self) -> None:
        super().__init__(MANIFEST)
        self.asked: list[Mapping[str, Any]] = []
        self.says: Any = None

    async def options(self, context: Context, field: str) -> Sequence[Option]:
        self.asked.append(dict(context.settings))
        if isinstance(self.says, Exception):
            raise self.says
        if self.says is not None:
            return self.says
        return [Option(value="north", title=f"North of {field}")]

    def check_field(self, field: str, settings: Mapping[str, Any]) -> Sequence[SettingProblem]:
        if settings[field] == "nowhere":
            return [SettingProblem(field=field, detail="There is no such shop.")]
        return []

    async def health(self, context: Context) -> Health:
        if isinstance(self.says, Exception):
            raise self.says
        return Health(well=False, detail=f"The shop is shut to {context.settings['secret']}.")


class Tower:
    """A gate that asks somebody, and says nothing of its health."""

    manifest = Manifest(
        id="tower", version="1", slot=Slot.MIDDLEWARE, title="Tower",
        settings_schema={
            "type": "object", "additionalProperties": False, "required": ["url", "mode"],
            "properties": {
                "url": {"type": "string", "format": "uri"},
                "mode": {"type": "string", "enum": ["strict", "loose"]},
                "level": {"type": "integer", "minimum": 1},
                "secret": {"type": "string"},
            },
        },
        secret_fields=frozenset({"secret"}), egress_hosts=("*",), timeout_seconds=1,
    )  # fmt: skip

    def __init__(self) -> None:
        self.asked: list[Mapping[str, Any]] = []

    async def before_provider(self, context: Context, purchase: PurchaseView) -> Annotated:
        return Annotated()

    async def options(self, context: Context, field: str) -> Sequence[Option]:
        self.asked.append(dict(context.settings))
        await asyncio.sleep(60 if field == "level" else 0)
        return []

    async def test_connection(self, context: Context) -> str:
        return "The tower answered."


SHOPS, TOWER = Shops(), Tower()


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_filling_in")
    plugins: list[tuple[str, Any]] = [("scripted", SHOPS), ("tower", TOWER)]
    async with open_city(url, tmp_path_factory.mktemp("filling"), plugins) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    SHOPS.says = None
    SHOPS.asked.clear()
    TOWER.asked.clear()
    async with open_office(city) as office:
        settings = {"settings": {"secret": SECRET}, "enabled": False}
        done(await office.studio.http.put(PROVIDER, json=settings))
        yield office


async def ask(office: Office, path: str, field: str, **settings: Any) -> Any:
    body = {"field": field, "settings": settings}
    return await office.studio.http.post(f"{PROVIDER}/{path}", json=body)


async def ask_step(office: Office, path: str, field: str | None = None, **settings: Any) -> Any:
    body = {"slot": "before", "plugin": "tower", "settings": settings}
    named = body if field is None else {**body, "field": field}
    return await office.studio.http.post(f"{STEP}/{path}", json=named)


async def test_a_field_of_a_provider_may_be_what_its_plugin_offers_by_the_others(office: Office):
    offered = done(await ask(office, "options", "shop"))
    assert offered["options"] == [{"value": "north", "title": "North of shop"}]
    done(await ask(office, "options", "shop", secret="another-secret"))
    # The stored secret is used where none was typed.
    assert SHOPS.asked == [{"secret": SECRET}, {"secret": "another-secret"}]


@pytest.mark.parametrize(
    ("says", "detail"),
    [
        (ConnectionError(f"401 for {SECRET}"), "401 for ***"),
        ([Option(value=SECRET, title="Take this")], "an option that holds a secret"),
        ([Option(value="x", title="x")] * 501, "more than 500 options"),
        (["north"], "Expected `object`"),
    ],
    ids=["raised", "secret", "many", "no-options"],
)
async def test_what_is_no_list_of_options_is_none_and_shows_no_secret(
    office: Office, says: Any, detail: str
):
    SHOPS.says = says
    offered = done(await ask(office, "options", "shop"))
    assert offered["options"] is None
    assert detail in offered["detail"]
    assert SECRET not in str(offered)


async def test_one_field_is_checked_whether_or_not_the_others_are_filled_in(office: Office):
    async def wrong(field: str, **settings: Any) -> list[tuple[str, str]]:
        found = done(await ask(office, "check-field", field, **settings))["problems"]
        return [(one["field"], one["detail"]) for one in found]

    assert await wrong("shop", shop="north") == []
    assert await wrong("shop", shop="nowhere") == [("settings.shop", "There is no such shop.")]
    assert await wrong("shop", shop="north", more=1) == []
    ((field, detail),) = await wrong("secret", secret="abc")
    assert field == "settings.secret"
    assert "shorter than 4" in detail
    assert "abc" not in detail
    assert refused(await ask(office, "check-field", "colour")) == (422, "invalid_settings")
    assert refused(await ask(office, "options", "colour")) == (422, "invalid_settings")


async def test_a_provider_says_how_it_is_and_a_plugin_without_a_word_is_tried(office: Office):
    said = done(await office.studio.http.post(f"{PROVIDER}/health"))
    assert said == {"answered": False, "detail": "The shop is shut to ***."}
    SHOPS.says = ConnectionError(f"no way by {SECRET}")
    said = done(await office.studio.http.post(f"{PROVIDER}/health"))
    assert said == {"answered": False, "detail": "no way by ***"}
    secrets = {
        "slot": "before", "plugin": "tower", "secrets": {"secret": SECRET},
        "settings": {"url": "https://tower.example/", "mode": "strict"},
    }  # fmt: skip
    done(await office.olga.http.put("/v1/pipelines/packs/secrets/ask", json=secrets))
    tried = await ask_step(office, "health", url="https://tower.example/", mode="strict")
    assert done(tried) == {"answered": True, "detail": "The tower answered."}
    done(await ask_step(office, "options", "mode", url="https://tower.example/"))
    done(await ask_step(office, "options", "mode", url="https://elsewhere.example/"))
    # The secret goes to no other address than the one that it was set for.
    assert [one.get("secret") for one in TOWER.asked] == [SECRET, None]


async def test_a_step_is_checked_field_by_field_and_one_that_hangs_offers_nothing(office: Office):
    found = done(await ask_step(office, "check-field", "level", level=0))["problems"]
    assert [one["field"] for one in found] == ["settings.level"]
    assert done(await ask_step(office, "check-field", "mode", mode="loose"))["problems"] == []
    missing = done(await ask_step(office, "check-field", "url"))["problems"]
    assert len(missing) == 1
    late = done(await ask_step(office, "options", "level"))
    assert late == {"options": None, "detail": "There was no answer within 1 seconds."}
    shown = await ask_step(office, "options", "mode", secret="x")
    assert refused(shown) == (422, "invalid_settings")


async def test_who_may_not_configure_asks_nothing(office: Office):
    support = await office.person("support")
    body = {"slot": "before", "plugin": "tower", "field": "mode"}
    for path in ("health", "options", "check-field"):
        assert refused(await support.http.post(f"{PROVIDER}/{path}", json=body))[0] == 403
        assert refused(await support.http.post(f"{STEP}/{path}", json=body))[0] == 403
    assert (SHOPS.asked, TOWER.asked) == ([], [])
