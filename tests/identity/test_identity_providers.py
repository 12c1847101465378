"""A tenant sets up its identity providers and return URLs; secrets go in and never come out."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.house import House
from tests.identity.abroad import PLUGINS, RETURN_URL, Game, client, done, open_game, refused

from guildbank.plugin_host import Plugins

MIRROR = "/v1/identity-providers/mirror"
NUMBERS = iter(range(1_000))


@pytest.fixture
async def game(house: House) -> AsyncIterator[Game]:
    async with open_game(house, f"settings-{next(NUMBERS)}") as game:
        yield game


async def put(game: Game, settings: dict[str, Any], **more: Any) -> Any:
    return await game.server.put(MIRROR, json={"settings": settings, **more})


async def test_secrets_are_shown_as_present_or_absent(game: Game) -> None:
    shown = done(await game.server.get(MIRROR))
    assert shown["secretsSet"] == ["client_secret"]
    assert shown["secretsMissing"] == ["other_secret"]
    assert shown["settings"] == {"client_id": "game"}
    at = f"https://localhost/v1/sign-in/callback/{game.tenant.slug}/mirror"
    assert shown["callbackUrl"] == at
    listed = await game.server.get("/v1/identity-providers")
    assert "shh-quiet" not in listed.text
    assert done(listed)["items"] == [shown]


async def test_no_secret_is_in_the_database_or_the_journal(game: Game) -> None:
    for table in ("identity_provider", "journal_entry"):
        for (row,) in await game.sql(f"SELECT t::text FROM {table} AS t"):
            assert "shh-quiet" not in row
            assert b"shh-quiet".hex() not in row


async def test_a_secret_that_is_left_out_stays(game: Game) -> None:
    done(await put(game, {"client_id": "renamed"}))
    await game.arrive("ann")
    shown = done(await game.server.get(MIRROR))
    assert (shown["settings"], shown["secretsSet"]) == ({"client_id": "renamed"}, ["client_secret"])


async def test_a_change_is_an_event_that_names_the_secrets_alone(game: Game) -> None:
    done(await put(game, {"client_id": "game", "other_secret": "shh-other"}))
    rows = await game.sql(
        "SELECT data::text FROM journal_entry WHERE kind = 'identity.provider_configured' "
        "ORDER BY seq DESC LIMIT 1"
    )
    assert '"secretsSet":["other_secret"]' in rows[0][0].replace(" ", "")
    assert '"secretsKept":["client_secret"]' in rows[0][0].replace(" ", "")
    assert "shh" not in rows[0][0]


async def test_the_same_again_is_no_event(game: Game) -> None:
    before = await game.sql("SELECT count(*) FROM journal_entry")
    done(await put(game, {"client_id": "game", "client_secret": "shh-quiet"}))
    done(await put(game, {"client_id": "game"}))
    done(await game.server.put("/v1/return-urls", json={"urls": [RETURN_URL, RETURN_URL]}))
    assert await game.sql("SELECT count(*) FROM journal_entry") == before


async def test_all_workers_see_a_change_within_seconds(game: Game, house: House) -> None:
    """Another worker has the old settings at hand, and nothing restarts."""
    other = house.another(clock=game.clock)
    async with house.client(house.app(other, Plugins(PLUGINS))) as there:
        there.headers["x-guildbank-key"] = game.key
        assert len(done(await there.get("/v1/sign-in/providers"))["items"]) == 1
        done(await put(game, {"client_id": "game"}, enabled=False))
        await asyncio.sleep(2)
        assert done(await there.get("/v1/sign-in/providers"))["items"] == []
    await other.close()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({}, "settings"),
        ({"client_id": 5}, "settings.client_id"),
        ({"client_id": "x" * 51}, "settings.client_id"),
        ({"client_id": "game", "client_secret": "shh"}, "settings.client_secret"),
        ({"client_id": "game", "colour": "red"}, "settings"),
    ],
)
async def test_settings_that_do_not_fit_the_plugin_name_their_field_and_change_nothing(
    game: Game, settings: dict[str, Any], field: str
) -> None:
    before = done(await game.server.get(MIRROR))
    answer = await put(game, settings)
    assert refused(answer) == (422, "invalid_settings")
    assert answer.json()["field"] == field
    assert "shh" not in answer.text
    assert done(await game.server.get(MIRROR)) == before


async def test_a_plugin_that_is_not_there_cannot_be_set_up(game: Game) -> None:
    answer = await game.server.put("/v1/identity-providers/stripe", json={"settings": {}})
    assert refused(answer) == (404, "not_found")
    assert refused(await game.server.get("/v1/identity-providers/oidc")) == (404, "not_found")


@pytest.mark.parametrize(
    "url",
    [
        "https://game.example/in",
        "https://game.example/in?from=web",
        "http://localhost:3000/in",
        "http://127.0.0.1:5173/in",
        "http://[::1]/in",
        "com.example.game:/signed-in",
        "com.example.game://signed-in",
    ],
)
async def test_people_come_back_to_the_web_to_this_machine_or_to_an_app(
    game: Game, url: str
) -> None:
    done(await game.server.put("/v1/return-urls", json={"urls": [url]}))
    assert done(await game.server.get("/v1/return-urls")) == {"urls": [url]}
    done(await game.begin(client(), returnUrl=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://game.example/in",
        "javascript:alert(1)",
        "data:text/html,hello",
        "game:/in-no-dot",
        "//game.example/in",
        "https:///nowhere",
        "https://user@game.example/in",
        "https://game.example\\@evil.example/",
        "https://game.example/#fragment",
        "https://game.example/in#",
        "https://game.example/in?code=mine",
        "https://game.example/in?a=1&state=mine",
        "https://gäme.example/in",
        "https://game.example/i n",
        "https://game.example:port/in",
        "https://[broken/in",
    ],
)
async def test_a_return_url_that_could_lead_elsewhere_is_refused(game: Game, url: str) -> None:
    answer = await game.server.put("/v1/return-urls", json={"urls": [RETURN_URL, url]})
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == "urls.1"
    assert done(await game.server.get("/v1/return-urls")) == {"urls": [RETURN_URL]}


async def test_there_are_at_most_fifty_return_urls(game: Game) -> None:
    urls = [f"https://game.example/{number}" for number in range(51)]
    answer = await game.server.put("/v1/return-urls", json={"urls": urls})
    assert refused(answer) == (422, "out_of_range")
    done(await game.server.put("/v1/return-urls", json={"urls": urls[:50]}))
    assert len(done(await game.server.get("/v1/return-urls"))["urls"]) == 50
