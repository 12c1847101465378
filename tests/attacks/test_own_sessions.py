"""What a player does with a session is done by that player alone, and never by a machine."""

from collections.abc import Sequence

import httpx
import pytest
from tests.attacks.doors import FOR_STRANGERS
from tests.attacks.estate import send
from tests.attacks.table import Objects, Route
from tests.studio import City, Studio, done, refused

from guildbank.identity import mint_player_token
from guildbank.kernel import Refusal

PASSWORD = "three lamps sing at dawn"


async def refusals(
    client: httpx.AsyncClient, owned: Sequence[Route], victim: Objects
) -> set[tuple[int, str]]:
    async with client:
        return {refused(await send(client, route, victim)) for route in owned}


@pytest.fixture
async def public(city: City, castle: Studio) -> httpx.AsyncClient:
    """A client of the victim's players."""
    key = await city.key(castle.ref, kind="publishable")
    return city.client(**{"x-guildbank-key": key})


async def test_nobody_without_credentials_reaches_a_session(
    city: City, owned: Sequence[Route], victim: Objects
) -> None:
    assert len(owned) >= 5
    assert await refusals(city.client(), owned, victim) == {(401, "unauthorized")}


async def test_a_machine_with_every_scope_reaches_no_session(
    city: City, owned: Sequence[Route], victim: Objects
) -> None:
    assert await refusals(city.client(victim.token), owned, victim) == {(403, "forbidden")}


async def test_a_token_that_the_game_server_minted_reaches_no_session(
    city: City, castle: Studio, owned: Sequence[Route], victim: Objects
) -> None:
    minted = await mint_player_token(city.services.identity, castle.ref, victim.player)
    assert not isinstance(minted, Refusal)
    of_sessions = [route for route in owned if route.session]
    found = await refusals(city.client(minted.token), of_sessions, victim)
    assert found == {(403, "session_required")}


async def test_a_player_cannot_end_the_session_of_another(
    city: City, public: httpx.AsyncClient
) -> None:
    signed_in = []
    for name in ("ann-of-castle", "bob-of-castle"):
        body = {"username": name, "password": PASSWORD}
        done(await public.post("/register", json=body))
        signed_in.append(done(await public.post("/login", json=body)))
    ann, bob = signed_in
    async with city.client(bob["token"]) as client:
        answer = await client.delete(f"/v1/sessions/{ann['sessionId']}")
        assert refused(answer) == (404, "not_found")
    async with city.client(ann["token"]) as client:
        assert [one["id"] for one in done(await client.get("/v1/sessions"))["items"]] == [
            ann["sessionId"]
        ]


async def test_a_player_of_one_tenant_does_not_exist_in_another(
    city: City, public: httpx.AsyncClient, intruder: Studio
) -> None:
    body = {"username": "only-in-castle", "password": PASSWORD}
    done(await public.post("/register", json=body))
    tokens = done(await public.post("/login", json=body))
    key = await city.key(intruder.ref, kind="publishable")
    async with city.client(**{"x-guildbank-key": key}) as next_door:
        assert refused(await next_door.post("/login", json=body)) == (401, "login_failed")
        refresh = {"refreshToken": tokens["refreshToken"]}
        answer = await next_door.post("/v1/sessions/refresh", json=refresh)
        assert refused(answer) == (401, "unauthorized")
    async with city.client(tokens["token"], **{"x-guildbank-key": key}) as both:
        assert refused(await both.get("/v1/sessions")) == (401, "tenant_mismatch")


@pytest.mark.parametrize("name", sorted(FOR_STRANGERS))
async def test_a_stranger_must_name_a_tenant_and_only_one(
    city: City, castle: Studio, intruder: Studio, name: str
) -> None:
    method, path = name.split()
    ours = await city.key(castle.ref, kind="publishable")
    async with city.client() as client:

        async def ask(**headers: str) -> tuple[int, str]:
            sent = {name.replace("_", "-"): value for name, value in headers.items()}
            return refused(await client.request(method, path, json={}, headers=sent))

        assert await ask() == (400, "tenant_required")
        assert await ask(host="nowhere.example") == (404, "not_found")
        assert await ask(host="nowhere.example", x_guildbank_key=ours) == (404, "not_found")
        assert await ask(x_guildbank_key=castle.token) == (401, "unauthorized")
        assert await ask(x_guildbank_key="pk_" + "0" * 43) == (401, "unauthorized")
        theirs = f"Bearer {intruder.token}"
        found = await ask(x_guildbank_key=ours, authorization=theirs)
        assert found == (401, "tenant_mismatch")
