"""Keys, players and tokens over HTTP, as a studio's developer meets them."""

import json
from typing import Any

import httpx
import pytest
from tests.house import House

from guildbank.identity import create_key
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef

ALL = ("keys:read", "keys:write", "players:read", "players:write", "players:token")


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("web-home")


def problem(answer: httpx.Response) -> tuple[int, str, str | None]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    return answer.status_code, document["code"], document.get("field")


async def test_the_deployment_makes_a_tenants_first_key(house: House, home: TenantRef) -> None:
    app = house.app()
    async with house.client(app, await house.key(None)) as operator:
        made = await operator.post(
            "/v1/keys", json={"name": "server", "scopes": list(ALL), "tenant": home.slug}
        )
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        listed = await operator.get("/v1/keys", params={"tenant": home.slug, "limit": "200"})
        assert made.json()["key"] in listed.json()["items"]
        assert token not in listed.text
    async with house.client(app, token) as machine:
        assert (await machine.get("/v1/keys")).status_code == 200
        revoked = await machine.delete(f"/v1/keys/{made.json()['key']['id']}")
        assert revoked.status_code == 204
        assert problem(await machine.get("/v1/keys"))[:2] == (401, "unauthorized")


async def test_a_key_rotates(house: House, home: TenantRef) -> None:
    app = house.app()
    async with house.client(app, await house.key(home, *ALL)) as machine:
        made = (await machine.post("/v1/keys", json={"name": "r", "scopes": ["keys:read"]})).json()
        path = f"/v1/keys/{made['key']['id']}/rotate"
        new = await machine.post(path, json={"overlapSeconds": 0})
        assert new.status_code == 201, new.text
        assert new.json()["key"]["application"] == made["key"]["application"]
        assert problem(await machine.post(path, json={}))[:2] == (409, "key_ended")
    async with house.client(app, made["token"]) as old:
        assert (await old.get("/v1/keys")).status_code == 401
    async with house.client(app, new.json()["token"]) as fresh:
        assert (await fresh.get("/v1/keys")).status_code == 200


async def test_a_tenants_key_keeps_to_its_tenant_and_scopes(house: House, home: TenantRef) -> None:
    other = await house.tenant("web-other")
    theirs = await create_key(house.identity, other, "theirs", ["players:read"])
    assert not isinstance(theirs, Refusal)
    async with house.client(house.app(), await house.key(home, "keys:read", "keys:write")) as own:
        for answer, expected in (
            (await own.delete(f"/v1/keys/{theirs.key.id}"), (404, "not_found", None)),
            (await own.get("/v1/keys?tenant=web-other"), (404, "not_found", "tenant")),
            (
                await own.post("/v1/keys", json={"name": "x", "scopes": ["players:read"]}),
                (403, "scope_not_held", "scopes.0"),
            ),
            (
                await own.post("/v1/keys", json={"name": "x", "scopes": ["nonsense"]}),
                (422, "invalid_value", "scopes.0"),
            ),
            (await own.get("/v1/players"), (403, "forbidden", None)),
        ):
            assert problem(answer) == expected, answer.text


async def test_a_player_is_added_once(house: House, home: TenantRef) -> None:
    async with house.client(house.app(), await house.key(home, *ALL)) as machine:
        first = await machine.post("/v1/players", json={"externalId": "steam:1"})
        again = await machine.post("/v1/players", json={"externalId": "steam:1"})
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json() == again.json()
        found = await machine.get("/v1/players", params={"externalId": "steam:1"})
        assert found.json() == {"items": [first.json()], "next": None}
        none = await machine.get("/v1/players", params={"externalId": "steam:2"})
        assert none.json() == {"items": [], "next": None}
        read = await machine.get(f"/v1/players/{first.json()['id']}")
        assert read.json() == first.json()


async def test_a_players_token_shows_only_that_player(house: House, home: TenantRef) -> None:
    app = house.app()
    async with house.client(app, await house.key(home, *ALL)) as machine:
        ids = [
            (await machine.post("/v1/players", json={"externalId": name})).json()["id"]
            for name in ("me", "you")
        ]
        made = await machine.post(f"/v1/players/{ids[0]}/tokens")
        assert made.status_code == 201, made.text
        unknown = await machine.post("/v1/players/player_x/tokens")
        assert problem(unknown)[:2] == (404, "not_found")
    async with house.client(app, made.json()["token"]) as player:
        assert (await player.get(f"/v1/players/{ids[0]}")).json()["externalId"] == "me"
        assert problem(await player.get(f"/v1/players/{ids[1]}"))[:2] == (404, "not_found")
        assert problem(await player.get("/v1/players"))[:2] == (403, "forbidden")
        minted = await player.post(f"/v1/players/{ids[0]}/tokens")
        assert problem(minted)[:2] == (403, "forbidden")


async def test_who_sends_nothing_is_told_what_players_and_operators_send_too(
    house: House,
) -> None:
    async with house.client(house.app()) as nobody:
        for path in ("/v1/sessions", "/v1/operator/me", "/v1/players"):
            answer = await nobody.get(path)
            assert problem(answer)[:2] == (401, "unauthorized")
            for way in ("sk_", "sign-in", "/operator"):
                assert way in answer.json()["detail"], path


async def test_a_tokens_body_may_be_left_out_and_names_a_country(
    house: House, home: TenantRef
) -> None:
    async with house.client(house.app(), await house.key(home, *ALL)) as machine:
        made = await machine.post("/v1/players", json={"externalId": "traveller"})
        path = f"/v1/players/{made.json()['id']}/tokens"
        assert (await machine.post(path)).status_code == 201
        for good in ({}, {"country": None}, {"country": "DE"}):
            answer = await machine.post(path, json=good)
            assert answer.status_code == 201, answer.text
        for bad, code in (
            ("de", "invalid_value"),
            ("Germany", "invalid_value"),
            (5, "wrong_type"),
        ):
            answer = await machine.post(path, json={"country": bad})
            assert problem(answer) == (422, code, "country")
        unknown = await machine.post(path, json={"region": "EU"})
        assert problem(unknown) == (422, "unknown_field", "region")


@pytest.mark.parametrize(
    "body",
    [
        {"externalId": ""},
        {"externalId": "a\u0000b"},
        {"externalId": "a\nb"},
        {"externalId": "x" * 129},
        {"externalId": 5},
        {"external_id": "x"},
        {},
        [],
    ],
)
async def test_bad_external_ids_are_refused(house: House, home: TenantRef, body: object) -> None:
    async with house.client(house.app(), await house.key(home, *ALL)) as machine:
        answer = await machine.post("/v1/players", json=body)
        assert 400 <= answer.status_code < 500, answer.text
        assert problem(answer)[0] == answer.status_code


async def test_bad_queries_and_times_are_refused(house: House, home: TenantRef) -> None:
    async with house.client(house.app(), await house.key(home, *ALL)) as machine:
        for path in ("/v1/players?externalId=", "/v1/players?after=%00", "/v1/keys?limit=0"):
            assert 400 <= (await machine.get(path)).status_code < 500, path
        for expires in ("2020-01-01T00:00:00Z", "2030-01-01T00:00:00", "soon", 5):
            answer = await machine.post(
                "/v1/keys",
                json={"name": "x", "scopes": ["keys:read"], "expiresAt": expires},
            )
            assert problem(answer)[2] == "expiresAt", answer.text


async def test_values_that_no_database_can_hold_are_refused(house: House, home: TenantRef) -> None:
    async with house.client(house.app(), await house.key(None)) as operator:
        for field in ("name", "tenant", "application", "scopes"):
            for text in ("a\x00b", "\udfff"):
                body = {"name": "x", "scopes": ["players:read"], "tenant": home.slug}
                value: object = [text] if field == "scopes" else text
                sent = json.dumps({**body, field: value}).encode()
                answer = await operator.post(
                    "/v1/keys", content=sent, headers={"content-type": "application/json"}
                )
                assert 400 <= answer.status_code < 500, (field, answer.text)
