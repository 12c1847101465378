"""A key may be kept to networks, and stays so when it is rotated."""

import httpx
import pytest
from litestar import Litestar
from tests.house import House

from guildbank.tenancy import TenantRef

ALL = ("keys:read", "keys:write", "players:read")


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("allow-home")


def at(app: Litestar, address: str, token: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 4711))  # type: ignore[arg-type]
    headers = {"authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=transport, base_url="http://game.example", headers=headers)


async def status(app: Litestar, address: str, token: str) -> int:
    async with at(app, address, token) as client:
        return (await client.get("/v1/players")).status_code


async def test_networks_are_shown_as_they_count(house: House, home: TenantRef) -> None:
    async with house.client(house.app(), await house.key(home, *ALL)) as machine:
        made = await machine.post(
            "/v1/keys",
            json={
                "name": "n",
                "scopes": ["players:read"],
                "allowedAddresses": ["2001:db8:1:2::5", "203.0.113.9", "203.0.113.9/32"],
            },
        )
        assert made.status_code == 201, made.text
        key = made.json()["key"]
        assert key["allowedAddresses"] == ["203.0.113.9/32", "2001:db8:1:2::/64"]
        listed = (await machine.get("/v1/keys", params={"limit": "200"})).json()["items"]
        assert key in listed


async def test_rotation_keeps_the_networks(house: House, home: TenantRef) -> None:
    app = house.app()
    async with house.client(app, await house.key(home, *ALL)) as machine:
        networks = {"allowedAddresses": ["203.0.113.0/24"]}
        body = {"name": "n", "scopes": ["players:read"], **networks}
        old = (await machine.post("/v1/keys", json=body)).json()
        rotated = await machine.post(f"/v1/keys/{old['key']['id']}/rotate", json={})
        assert rotated.json()["key"]["allowedAddresses"] == ["203.0.113.0/24"]
    for token in (old["token"], rotated.json()["token"]):
        assert await status(app, "203.0.113.7", token) == 200
        assert await status(app, "198.51.100.7", token) == 403


@pytest.mark.parametrize(
    "wrong",
    [
        "203.0.113.7/24", "203.0.113.0/33", "10.0.0", "localhost", "*", "::ffff:203.0.113.7",
        "2001:db8::1/32", "203.0.113.0/24 ", "0x7f000001",
    ],
)  # fmt: skip
async def test_what_is_no_network_is_named(house: House, home: TenantRef, wrong: str) -> None:
    async with house.client(house.app(), await house.key(home, *ALL)) as machine:
        body = {"name": "n", "scopes": ["players:read"], "allowedAddresses": ["10.0.0.1", wrong]}
        answer = await machine.post("/v1/keys", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == "allowedAddresses.1"


async def test_lists_have_a_limit_and_clients_have_no_list(house: House, home: TenantRef) -> None:
    async with house.client(house.app(), await house.key(home, *ALL)) as machine:
        many = [f"10.0.{n}.0/24" for n in range(21)]
        for body in (
            {"name": "n", "scopes": ["players:read"], "allowedAddresses": many},
            {"name": "n", "kind": "publishable", "allowedAddresses": ["10.0.0.1"]},
        ):
            answer = await machine.post("/v1/keys", json=body)
            assert answer.status_code == 422, answer.text
            assert answer.json()["field"] == "allowedAddresses"
        full = {"name": "n", "scopes": ["players:read"], "allowedAddresses": many[:20]}
        assert (await machine.post("/v1/keys", json=full)).status_code == 201


async def test_a_deployment_key_may_be_kept_to_a_network(house: House, home: TenantRef) -> None:
    app = house.app()
    async with house.client(app, await house.key(None)) as operator:
        body = {
            "name": "n",
            "scopes": ["deployment"],
            "allowedAddresses": ["203.0.113.0/24"],
        }
        token = (await operator.post("/v1/keys", json=body)).json()["token"]
    async with at(app, "203.0.113.7", token) as office:
        inherited = await office.post("/v1/keys", json={"name": "n", "scopes": ["deployment"]})
        assert inherited.json()["key"]["allowedAddresses"] == ["203.0.113.0/24"]
        child = {"name": "n", "scopes": ["players:read"], "tenant": home.slug}
        for networks in ([], ["198.51.100.0/24"]):
            made = await office.post("/v1/keys", json={**child, "allowedAddresses": networks})
            assert made.status_code == 201, made.text
            assert made.json()["key"]["allowedAddresses"] == networks
            path = f"/v1/keys/{made.json()['key']['id']}/rotate"
            assert (await office.post(path, json={})).status_code == 201
    for address, expected in (("203.0.113.7", 200), ("198.51.100.7", 403)):
        async with at(app, address, token) as client:
            assert (await client.get("/v1/tenants")).status_code == expected


async def test_a_key_names_its_tenant_on_public_routes_from_its_networks_alone(
    house: House, home: TenantRef
) -> None:
    app = house.app()
    async with house.client(app, await house.key(home, *ALL)) as machine:
        body = {"name": "n", "scopes": ["players:read"], "allowedAddresses": ["203.0.113.0/24"]}
        token = (await machine.post("/v1/keys", json=body)).json()["token"]
    wanted = {"username": "somebody", "password": "three lamps sing at dawn"}

    async def code(address: str) -> str:
        transport = httpx.ASGITransport(app=app, client=(address, 4711))  # type: ignore[arg-type]
        sent = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://localhost", headers=sent
        ) as client:
            return str((await client.post("/v1/login", json=wanted)).json()["code"])

    assert await code("203.0.113.7") == "login_failed"
    assert await code("198.51.100.7") == "address_not_allowed"
