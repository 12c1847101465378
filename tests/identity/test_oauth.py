"""An application gets access tokens by OAuth 2 with a client that no one here wrote."""

import base64
import warnings
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from authlib.deprecate import AuthlibDeprecationWarning
from authlib.integrations.base_client.errors import OAuthError
from tests.house import House

from guildbank.identity import Authenticator, NewKey, create_key, revoke_key, rotate_key
from guildbank.infra.http import Caller
from guildbank.infra.http.client_address import read_address
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef

with warnings.catch_warnings():
    # Authlib would rather see httpx2.
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    from authlib.integrations.httpx_client import AsyncOAuth2Client

URL = "http://localhost/v1/oauth/token"
ALL = ("players:read", "players:write")


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("oauth-home")


@pytest.fixture
async def key(house: House, home: TenantRef) -> NewKey:
    return await new_key(house, home)


@pytest.fixture
async def web(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with house.client(house.app()) as client:
        yield client


async def new_key(house: House, home: TenantRef | None, **more: Any) -> NewKey:
    scopes = ALL if home else ["deployment"]
    made = await create_key(house.identity, home, "server", scopes, **more)
    assert not isinstance(made, Refusal)
    return made


def authlib(house: House, key: NewKey, **more: Any) -> AsyncOAuth2Client:
    transport = httpx.ASGITransport(app=house.app())  # type: ignore[arg-type]
    return AsyncOAuth2Client(key.key.application, key.token, transport=transport, **more)


async def form(web: httpx.AsyncClient, key: NewKey, **more: str) -> httpx.Response:
    sent = {
        "grant_type": "client_credentials",
        "client_id": key.key.application,
        "client_secret": key.token,
        **more,
    }
    return await web.post(URL, data={name: value for name, value in sent.items() if value})


async def ask(house: House, token: str, address: str | None = None) -> Caller | Refusal | None:
    sent = {"host": "localhost", "authorization": f"Bearer {token}"}
    where = () if address is None else (read_address(address),)
    return await Authenticator(house.identity)(sent, "/v1/players", *where)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_of_the_standard_gets_a_token_and_calls_with_it(
    house: House, home: TenantRef, key: NewKey, method: str
) -> None:
    async with authlib(house, key, token_endpoint_auth_method=method) as client:
        got = await client.fetch_token(URL, grant_type="client_credentials")
        assert got["token_type"] == "Bearer"
        assert got["expires_in"] == 600
        assert got["scope"] == "players:read players:write"
        answer = await client.get("http://localhost/v1/players")
        assert answer.status_code == 200, answer.text
    caller = await ask(house, got["access_token"])
    assert isinstance(caller, Caller)
    assert (caller.kind, caller.principal, caller.tenant) == ("machine", key.key.application, home)


async def test_a_token_says_what_rfc_9068_wants(web: httpx.AsyncClient, key: NewKey, home) -> None:
    answer = await form(web, key, scope="players:read")
    assert answer.headers["cache-control"] == "no-store"
    head, body = (unpacked(part) for part in answer.json()["access_token"].split(".")[:2])
    assert (head["typ"], head["alg"]) == ("at+jwt", "EdDSA")
    assert (body["aud"], body["client_id"], body["sub"]) == (
        home.id, key.key.application, key.key.application,
    )  # fmt: skip
    assert body["scope"] == "players:read"
    assert {"iss", "exp", "iat", "jti"} <= set(body)


def unpacked(part: str) -> dict[str, Any]:
    return httpx.Response(
        200, content=base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    ).json()


async def test_a_token_has_the_scopes_asked_for_and_never_more_than_its_key(
    house: House, web: httpx.AsyncClient, key: NewKey
) -> None:
    narrow = (await form(web, key, scope="players:read")).json()
    caller = await ask(house, narrow["access_token"])
    assert isinstance(caller, Caller)
    assert caller.scopes == {"players:read"}
    wider = await form(web, key, scope="players:read keys:write")
    assert (wider.status_code, wider.json()["error"]) == (400, "invalid_scope")
    called = {"authorization": f"Bearer {narrow['access_token']}"}
    added = await web.post("/v1/players", json={"externalId": "x"}, headers=called)
    assert (added.status_code, added.json()["code"]) == (403, "forbidden")


async def test_revoking_the_key_ends_its_tokens_at_once(
    house: House, home: TenantRef, web: httpx.AsyncClient, key: NewKey
) -> None:
    token = (await form(web, key)).json()["access_token"]
    assert isinstance(await ask(house, token), Caller)
    await revoke_key(house.identity, key.key.id, home)
    ended = await ask(house, token)
    assert isinstance(ended, Refusal)
    assert ended.code == "unauthorized"
    again = await form(web, key)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")


async def test_a_rotated_key_and_its_tokens_last_for_the_overlap_as_one_application(
    house: House, home: TenantRef, web: httpx.AsyncClient, key: NewKey
) -> None:
    fresh = await rotate_key(house.identity, key.key.id, home, 300)
    assert not isinstance(fresh, Refusal)
    of_old = (await form(web, key)).json()["access_token"]
    of_new = (await form(web, fresh)).json()["access_token"]
    callers = [await ask(house, of_old), await ask(house, of_new)]
    assert {getattr(one, "principal", None) for one in callers} == {key.key.application}
    house.clock.advance(timedelta(seconds=301))
    assert isinstance(await ask(house, of_old), Refusal)
    assert isinstance(await ask(house, of_new), Caller)


async def test_a_token_ends_after_ten_minutes(
    house: House, web: httpx.AsyncClient, key: NewKey
) -> None:
    token = (await form(web, key)).json()["access_token"]
    house.clock.advance(timedelta(minutes=10, seconds=10))
    assert isinstance(await ask(house, token), Refusal)


async def test_the_allowed_addresses_of_the_key_hold_for_getting_and_for_using_a_token(
    house: House, home: TenantRef
) -> None:
    key = await new_key(house, home, allowed_addresses=["203.0.113.0/24"])
    answers = {}
    for address in ("203.0.113.7", "198.51.100.7"):
        transport = httpx.ASGITransport(app=house.app(), client=(address, 1))  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as web:
            answers[address] = await form(web, key)
    assert answers["198.51.100.7"].json()["error"] == "invalid_client"
    token = answers["203.0.113.7"].json()["access_token"]
    assert isinstance(await ask(house, token, "203.0.113.9"), Caller)
    elsewhere = await ask(house, token, "198.51.100.7")
    assert isinstance(elsewhere, Refusal)
    assert elsewhere.code == "address_not_allowed"


async def test_strangers_get_nothing_but_the_errors_of_the_standard(
    house: House, home: TenantRef, web: httpx.AsyncClient, key: NewKey
) -> None:
    other = await new_key(house, home)
    published = await create_key(house.identity, home, "client", kind="publishable")
    assert not isinstance(published, Refusal)
    expected = {
        "invalid_client": [
            {"client_id": other.key.application},
            {"client_secret": "sk_" + "0" * 43},
            {"client_secret": published.token, "client_id": published.key.application},
            {"client_secret": ""},
            {"client_id": "app_\u00e9"},
        ],
        "unsupported_grant_type": [{"grant_type": "password"}, {"grant_type": "\u0000"}],
        "invalid_request": [{"grant_type": ""}],
        "invalid_scope": [{"scope": "deployment"}, {"scope": "\x00"}, {"scope": " "}],
    }
    for error, forms in expected.items():
        for sent in forms:
            answer = await form(web, key, **sent)
            assert answer.json()["error"] == error, (sent, answer.text)
            assert answer.status_code == (401 if error == "invalid_client" else 400)
            assert answer.headers["cache-control"] == "no-store"
    twice = f"grant_type=client_credentials&client_id={key.key.application}&client_id=x"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await web.post(URL, content=twice, headers=headers)).json()[
        "error"
    ] == "invalid_request"
    assert (await web.post(URL, json={})).json()["error"] == "invalid_request"
    assert (await web.post(URL, content=b"%ff=%", headers=headers)).status_code == 400
    both = await web.post(
        URL, data={"grant_type": "client_credentials", "client_secret": key.token},
        auth=(key.key.application, key.token),
    )  # fmt: skip
    assert both.json()["error"] == "invalid_request"
    basic = await web.post(URL, data={"grant_type": "client_credentials"}, auth=("app_x", "sk_y"))
    assert basic.status_code == 401
    assert basic.headers["www-authenticate"].startswith("Basic ")


async def test_the_standards_client_is_told_why(house: House, key: NewKey) -> None:
    async with authlib(house, key, scope="keys:write") as client:
        with pytest.raises(OAuthError) as told:
            await client.fetch_token(URL, grant_type="client_credentials")
    assert told.value.error == "invalid_scope"


async def test_a_key_of_the_deployment_is_not_changed_for_a_token(
    house: House, web: httpx.AsyncClient
) -> None:
    answer = await form(web, await new_key(house, None))
    assert answer.json()["error"] == "unauthorized_client"


async def test_a_machines_token_is_no_players_and_the_other_way_round(
    house: House, web: httpx.AsyncClient, key: NewKey
) -> None:
    token = (await form(web, key)).json()["access_token"]
    head, body, signature = token.split(".")
    plain = (
        base64.urlsafe_b64encode(
            base64.urlsafe_b64decode(head + "==").replace(b'"typ":"at+jwt",', b"")
        )
        .rstrip(b"=")
        .decode()
    )
    assert plain != head
    for forged in (f"{plain}.{body}.{signature}", f"{head}.{body}."):
        assert isinstance(await ask(house, forged), Refusal)
    profile = await web.get("/v1/sessions", headers={"authorization": f"Bearer {token}"})
    assert profile.status_code == 403
