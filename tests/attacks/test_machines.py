"""Attacks on access tokens of machines, and on what the studio's server may say."""

import base64
import json
from typing import Any

import httpx
import pytest
from tests.studio import City, Studio, done

from guildbank.identity import NewKey, create_key
from guildbank.kernel import Refusal

FORM = "/v1/oauth/token"


async def key_of(city: City, studio: Studio, *scopes: str) -> NewKey:
    made = await create_key(city.services.identity, studio.ref, "machine", list(scopes))
    assert not isinstance(made, Refusal)
    return made


async def token_of(web: httpx.AsyncClient, key: NewKey, **more: str) -> httpx.Response:
    sent = {
        "grant_type": "client_credentials",
        "client_id": key.key.application,
        "client_secret": key.token,
        **more,
    }
    return await web.post(FORM, data=sent)


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unpacked(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


@pytest.fixture
async def stranger(city: City):
    async with city.client(None) as web:
        yield web


async def test_a_token_of_one_tenant_opens_nothing_of_another(
    city: City, castle: Studio, intruder: Studio, victim, stranger: httpx.AsyncClient
) -> None:
    key = await key_of(city, intruder, "players:read")
    token = (await token_of(stranger, key)).json()["access_token"]
    async with city.client(token) as web:
        assert (await web.get(f"/v1/players/{victim.player}")).status_code == 404
        assert (await web.get("/v1/players")).status_code == 200


async def test_a_token_that_was_widened_opens_nothing(
    city: City, castle: Studio, stranger: httpx.AsyncClient
) -> None:
    key = await key_of(city, castle, "players:read")
    other = await key_of(city, castle, "keys:write", "keys:read")
    token = (await token_of(stranger, key)).json()["access_token"]
    head, body, signature = token.split(".")
    claims = unpacked(body)
    for changed in (
        {"scope": "players:read keys:read"},
        {"key": other.key.id},
        {"client_id": other.key.application, "sub": other.key.application},
        {"exp": claims["exp"] + 86_400},
        {"aud": "ten_01kag3pyqmf9aag12vtrsy70ps"},
    ):
        forged = f"{head}.{packed({**claims, **changed})}.{signature}"
        async with city.client(forged) as web:
            assert (await web.get("/v1/keys")).status_code == 401, changed
    for header in ({**unpacked(head), "alg": "none"}, {**unpacked(head), "typ": "JWT"}):
        async with city.client(f"{packed(header)}.{body}.{signature}") as web:
            assert (await web.get("/v1/players")).status_code == 401, header


async def test_a_token_makes_no_key_and_no_token_that_outlives_it(
    city: City, castle: Studio, stranger: httpx.AsyncClient
) -> None:
    key = await key_of(city, castle, "keys:write", "players:read")
    token = (await token_of(stranger, key, scope="keys:write")).json()["access_token"]
    async with city.client(token) as web:
        wider = {"name": "x", "scopes": ["players:read"]}
        answer = await web.post("/v1/keys", json=wider)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_not_held")
    used = await stranger.post(
        FORM,
        data={
            "grant_type": "client_credentials",
            "client_id": key.key.application,
            "client_secret": token,
        },
    )
    assert used.json()["error"] == "invalid_client"


async def test_who_guesses_secrets_is_slowed_down(city: City, stranger: httpx.AsyncClient) -> None:
    sent = {"grant_type": "client_credentials", "client_id": "app_x", "client_secret": "sk_x"}
    answers = [await stranger.post(FORM, data=sent) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {401}
    assert 'issuing";q=600' in answers[0].headers["ratelimit-policy"]


async def test_a_small_key_ends_renews_and_joins_nothing_that_can_do_more(
    city: City, castle: Studio
) -> None:
    strong = await key_of(city, castle, "wallets:grant", "wallets:spend")
    weak = await key_of(city, castle, "keys:write", "keys:read", "wallets:spend")
    path = f"/v1/keys/{strong.key.id}"
    joining = {
        "name": "me too", "scopes": ["wallets:spend"], "application": strong.key.application,
    }  # fmt: skip
    async with city.client(weak.token) as intruder:
        for answer in (
            await intruder.delete(path),
            await intruder.post(f"{path}/rotate", json={}),
            await intruder.post("/v1/keys", json=joining),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_not_held")
            assert "wallets:grant" in answer.json()["detail"]
        own = done(await intruder.post("/v1/keys", json={**joining, "application": None}))
        assert own["key"]["createdBy"] == weak.key.application
        renewed = done(await intruder.post(f"/v1/keys/{own['key']['id']}/rotate", json={}))
        assert renewed["key"]["createdBy"] == weak.key.application
        assert (await intruder.delete(f"/v1/keys/{renewed['key']['id']}")).status_code == 204
    async with city.client(strong.token) as server:
        answer = await server.post("/v1/spends", json={})
        assert answer.status_code == 422, "the strong key is as good as before"
