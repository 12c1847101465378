"""A key that leaked is worth nothing outside the networks that it may be used from."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.studio import City, Studio, refused

from guildbank.app.asgi import app_over
from guildbank.app.rooms import tenant_scopes
from guildbank.identity import create_key
from guildbank.kernel import Refusal

OFFICE = ("203.0.113.0/24", "2001:db8:5:6::/64")
REFUSED = (403, "address_not_allowed")


@pytest.fixture(scope="module")
async def token(city: City, castle: Studio) -> str:
    """A key that may be used from the office only."""
    made = await create_key(
        city.services.identity, castle.ref, "office", tenant_scopes(), allowed_addresses=OFFICE
    )
    assert not isinstance(made, Refusal), made
    return made.token


def at(app: Litestar, address: str, token: str, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 4711))  # type: ignore[arg-type]
    given = {"authorization": f"Bearer {token}", **headers}
    return httpx.AsyncClient(transport=transport, base_url="http://game.example", headers=given)


async def asked(client: httpx.AsyncClient) -> tuple[int, str]:
    async with client:
        answer = await client.get("/v1/players")
    return (200, "") if answer.status_code == 200 else refused(answer)


@pytest.mark.parametrize(
    "address", ["203.0.113.7", "::ffff:203.0.113.7", "2001:db8:5:6::1", "2001:db8:5:6:9:9:9:9"]
)
async def test_the_key_opens_from_its_networks(city: City, token: str, address: str) -> None:
    assert await asked(at(city.app, address, token)) == (200, "")


@pytest.mark.parametrize(
    "address", ["203.0.114.7", "198.51.100.1", "2001:db8:5:7::1", "127.0.0.1", "::1", "testclient"]
)
async def test_the_key_opens_from_nowhere_else(city: City, token: str, address: str) -> None:
    assert await asked(at(city.app, address, token)) == REFUSED


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip", "true-client-ip"]
)
async def test_nobody_writes_themselves_into_the_office(
    city: City, token: str, header: str
) -> None:
    lie = {header: "for=203.0.113.7" if header == "forwarded" else "203.0.113.7"}
    assert await asked(at(city.app, "198.51.100.1", token, **lie)) == REFUSED


async def test_behind_a_trusted_proxy_only_what_it_wrote_counts(city: City, token: str) -> None:
    settings = city.services.settings.model_copy(
        update={"trusted_proxies": (ip_network("10.0.0.0/8"),)}
    )
    app = app_over(replace(city.services, settings=settings))
    for forwarded, expected in (
        ("203.0.113.7", (200, "")),
        ("198.51.100.1, 203.0.113.7", (200, "")),
        ("203.0.113.7, 198.51.100.1", REFUSED),
        ("203.0.113.7, nonsense", REFUSED),
        ("203.0.113.7," + "," * 300, REFUSED),
        ("", REFUSED),
    ):
        client = at(app, "10.0.0.1", token, **{"x-forwarded-for": forwarded})
        assert await asked(client) == expected, forwarded
    stranger = at(app, "198.51.100.1", token, **{"x-forwarded-for": "203.0.113.7"})
    assert await asked(stranger) == REFUSED


async def test_who_guesses_learns_nothing_of_the_list(city: City, token: str) -> None:
    guess = token[:-1] + ("a" if token[-1] != "a" else "b")
    for address in ("203.0.113.7", "198.51.100.1"):
        assert await asked(at(city.app, address, guess)) == (401, "unauthorized")


async def test_whoever_holds_the_key_is_told_why(city: City, token: str) -> None:
    async with at(city.app, "198.51.100.1", token) as leaked:
        answer = await leaked.get("/v1/players")
    assert "allowedAddresses" in answer.json()["detail"]
    assert "trusted_proxies" in answer.json()["detail"]
    assert "203.0.113" not in answer.text


def body(**more: Any) -> dict[str, Any]:
    return {"name": "child", "scopes": ["players:read"], **more}


async def test_a_key_from_the_office_makes_no_key_for_the_world(city: City, token: str) -> None:
    async with at(city.app, "203.0.113.7", token) as inside:
        for wanted in (["0.0.0.0/0"], ["203.0.0.0/16"], ["2001:db8::/32"], ["198.51.100.1"]):
            answer = await inside.post("/v1/keys", json=body(allowedAddresses=wanted))
            assert refused(answer) == (403, "address_not_held"), wanted
            assert answer.json()["field"] == "allowedAddresses.0"
        silent = await inside.post("/v1/keys", json=body())
        assert silent.status_code == 201, silent.text
        assert silent.json()["key"]["allowedAddresses"] == list(OFFICE)
        narrow = await inside.post("/v1/keys", json=body(allowedAddresses=["203.0.113.9"]))
        assert narrow.json()["key"]["allowedAddresses"] == ["203.0.113.9/32"]


async def test_a_key_from_the_office_renews_no_key_of_the_world(
    city: City, castle: Studio, token: str
) -> None:
    identity = city.services.identity

    async def rotated(allowed: Sequence[str]) -> tuple[int, str]:
        made = await create_key(
            identity, castle.ref, "old", ["players:read"], allowed_addresses=allowed
        )
        assert not isinstance(made, Refusal)
        async with at(city.app, "203.0.113.7", token) as inside:
            answer = await inside.post(f"/v1/keys/{made.key.id}/rotate", json={})
        return (201, "") if answer.status_code == 201 else refused(answer)

    assert await rotated([]) == (403, "address_not_held")
    assert await rotated(["198.51.100.0/24"]) == (403, "address_not_held")
    assert await rotated(["203.0.113.9"]) == (201, "")
