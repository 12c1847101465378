"""Providers and steps are tried before anybody buys by them, and no secret is shown by it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from tests.approvals.office import Office, open_office
from tests.payments.scripted import MANIFEST, Scripted
from tests.studio import City, done, open_city, refused

from guildbank.infra.postgres import Cluster
from guildbank.plugin_api import CallbackEvent, Context, Manifest, Slot

SECRET = "shh-quiet"
AT_GAME = {"url": "https://game.example/events"}


class Talker:
    """A callback that says of its connection what a test tells it."""

    manifest = Manifest(
        id="talker", version="1", slot=Slot.CALLBACK, title="Talker",
        settings_schema={
            "type": "object", "additionalProperties": False, "required": ["url", "secret"],
            "properties": {
                "url": {"type": "string", "format": "uri"}, "secret": {"type": "string"},
            },
        },
        secret_fields=frozenset({"secret"}), egress_hosts=("*",), timeout_seconds=1,
    )  # fmt: skip

    def __init__(self) -> None:
        self.says: Any = "The game answered."
        self.asked: list[Mapping[str, Any]] = []

    async def deliver(self, context: Context, event: CallbackEvent) -> None:
        return None

    async def test_connection(self, context: Context) -> str:
        self.asked.append(context.settings)
        if self.says is None:
            await asyncio.sleep(60)
        if isinstance(self.says, Exception):
            raise self.says
        return str(self.says)


class Mute:
    """A callback that calls nobody."""

    manifest = Manifest(
        id="mute", version="1", slot=Slot.CALLBACK, title="Mute",
        settings_schema={"type": "object", "additionalProperties": False},
    )  # fmt: skip

    async def deliver(self, context: Context, event: CallbackEvent) -> None:
        return None


class Answering(Scripted):
    """A provider that answers for an account, or not."""

    says: Any = "Ember Isle answered."

    async def test_connection(self, context: Context) -> str:
        if isinstance(self.says, Exception):
            raise self.says
        return str(self.says)


TALKER, PROVIDER = Talker(), Answering(MANIFEST)


@pytest.fixture(scope="module")
async def city(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    url = cluster.create_database("test_trying")
    plugins: list[tuple[str, Any]] = [
        ("scripted", PROVIDER), ("talker", TALKER), ("mute", Mute()),
    ]  # fmt: skip
    async with open_city(url, tmp_path_factory.mktemp("trying"), plugins) as city:
        yield city


@pytest.fixture
async def office(city: City) -> AsyncIterator[Office]:
    async with open_office(city) as office:
        settings = {"settings": {"secret": SECRET}, "enabled": False}
        done(await office.studio.http.put("/v1/providers/scripted", json=settings))
        yield office


async def try_step(office: Office, plugin: str = "talker", **settings: Any) -> Any:
    body = {"slot": "callbacks", "plugin": plugin, "settings": settings}
    return await office.studio.http.post("/v1/pipelines/packs/steps/tell/test", json=body)


async def keep_secret(office: Office) -> None:
    body = {
        "slot": "callbacks", "plugin": "talker", "settings": AT_GAME,
        "secrets": {"secret": SECRET},
    }  # fmt: skip
    done(await office.olga.http.put("/v1/pipelines/packs/secrets/tell", json=body))


@pytest.fixture(autouse=True)
def calm() -> None:
    TALKER.says, PROVIDER.says = "The game answered.", "Ember Isle answered."


async def test_a_provider_says_which_account_answers_also_while_it_is_off(office: Office) -> None:
    path = "/v1/providers/scripted/test"
    tried = done(await office.studio.http.post(path))
    assert tried == {"answered": True, "detail": "Ember Isle answered."}
    PROVIDER.says = ConnectionError(f"401 for the key {SECRET}\nat once")
    tried = done(await office.studio.http.post(path))
    assert tried == {"answered": False, "detail": "401 for the key *** at once"}


async def test_a_provider_that_was_never_set_up_is_not_tried(office: Office) -> None:
    answer = await office.studio.http.post("/v1/providers/nobody/test")
    assert refused(answer) == (422, "unknown_provider")


async def test_a_step_is_tried_with_its_secrets_before_any_revision_has_it(office: Office) -> None:
    TALKER.asked.clear()
    without = await try_step(office, **AT_GAME)
    assert refused(without) == (422, "invalid_settings")
    assert TALKER.asked == []
    await keep_secret(office)
    tried = done(await try_step(office, **AT_GAME))
    assert tried == {"answered": True, "detail": "The game answered."}
    assert TALKER.asked == [{**AT_GAME, "secret": SECRET}]
    assert done(await office.studio.http.get("/v1/pipelines/packs/revisions"))["items"] == []


async def test_secrets_of_a_step_are_not_sent_to_another_address(office: Office) -> None:
    await keep_secret(office)
    TALKER.asked.clear()
    answer = await try_step(office, url="https://elsewhere.example/")
    assert refused(answer) == (422, "invalid_settings")
    assert TALKER.asked == []


@pytest.mark.parametrize(
    ("says", "detail"),
    [
        (ConnectionError(f"no way to {SECRET}"), "no way to ***"),
        (None, "There was no answer within 1 seconds."),
        (TimeoutError("the game is slow"), "the game is slow"),
        (LookupError(), "LookupError"),
    ],
    ids=["raised", "hangs", "own-time-out", "wordless"],
)
async def test_a_step_that_nobody_answers_says_why_and_no_secret(
    office: Office, says: Any, detail: str
) -> None:
    await keep_secret(office)
    TALKER.says = says
    tried = done(await try_step(office, **AT_GAME))
    assert tried == {"answered": False, "detail": detail}


async def test_a_step_that_calls_nobody_is_not_said_to_work(office: Office) -> None:
    tried = done(await try_step(office, "mute"))
    assert tried["answered"] is None


@pytest.mark.parametrize(
    ("plugin", "settings", "field"),
    [
        ("nobody", {}, "plugin"),
        ("talker", {**AT_GAME, "secret": "x"}, "settings.secret"),
        ("mute", {"more": 1}, "settings"),
    ],
)
async def test_what_could_not_be_published_is_not_tried(
    office: Office, plugin: str, settings: dict[str, Any], field: str
) -> None:
    answer = await try_step(office, plugin, **settings)
    assert refused(answer) == (422, "invalid_settings")
    assert answer.json()["field"] == field


async def test_who_may_not_configure_tries_nothing(office: Office) -> None:
    support = await office.person("support")
    assert refused(await support.http.post("/v1/providers/scripted/test"))[0] == 403
    body = {"slot": "callbacks", "plugin": "mute"}
    answer = await support.http.post("/v1/pipelines/packs/steps/tell/test", json=body)
    assert refused(answer)[0] == 403
