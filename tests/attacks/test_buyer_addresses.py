"""Checks see the address that a player's purchase comes from, and no other that a client writes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.attacks.table import Objects
from tests.infra.countries_file import write_countries
from tests.pipelines.gates import Gate
from tests.studio import City, Studio, done, refused

from guildbank.app.asgi import app_over
from guildbank.app.wiring import open_services
from guildbank.plugin_api import Slot

LIE, TRUTH = "203.0.113.7", "198.51.100.1"


@pytest.fixture(scope="module")
async def gate(city: City, castle: Studio, victim: Objects) -> AsyncIterator[Gate]:
    """A gate of the studio that remembers what it is shown."""
    gate = Gate("watcher")
    slots = city.services.pipelines.plugins._slots
    slots[Slot.MIDDLEWARE]["watcher"] = gate
    stages = {
        "before": [{"id": "watcher", "plugin": "watcher"}],
        "routes": [{"id": "all", "to": [{"provider": "scripted"}]}],
    }
    saved = done(await castle.post("/v1/pipelines/packs/revisions", {"stages": stages}))
    done(await castle.post("/v1/pipelines/packs/publish", {"revision": saved["revision"]}))
    yield gate
    done(await castle.post("/v1/pipelines/packs/roll-back", {}))
    del slots[Slot.MIDDLEWARE]["watcher"]


async def token(castle: Studio, player: str) -> str:
    return str(done(await castle.post(f"/v1/players/{player}/tokens", {}))["token"])


def at(app: Litestar, address: str, token: str, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 4711))  # type: ignore[arg-type]
    given = {"authorization": f"Bearer {token}", **headers}
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=given)


async def buy(client: httpx.AsyncClient, victim: Objects, key: str, **more: Any) -> httpx.Response:
    body = {"packId": victim.pack, "currency": "EUR", **more}
    return await client.post("/v1/payments", json=body, headers={"idempotency-key": key})


def shown(gate: Gate) -> str | None:
    """Return the address of the purchase that the gate was asked about last."""
    return gate.seen[-1][1].address


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "forwarded", "x-real-ip", "client-ip", "true-client-ip"]
)
async def test_no_header_of_a_players_client_says_where_it_is(
    city: City, castle: Studio, victim: Objects, gate: Gate, header: str
) -> None:
    lie = {header: f"for={LIE}" if header == "forwarded" else LIE}
    async with at(city.app, TRUTH, await token(castle, victim.player), **lie) as me:
        done(await buy(me, victim, f"lie-{header}"))
    assert shown(gate) == TRUTH


async def test_behind_a_trusted_proxy_only_what_it_wrote_counts(
    city: City, castle: Studio, victim: Objects, gate: Gate
) -> None:
    settings = city.services.settings.model_copy(
        update={"trusted_proxies": (ip_network("10.0.0.0/8"),)}
    )
    app, signed = app_over(replace(city.services, settings=settings)), await token(
        castle, victim.player
    )  # fmt: skip
    forwarded = {"x-forwarded-for": f"{LIE}, {TRUTH}"}
    async with at(app, "10.0.0.1", signed, **forwarded) as me:
        done(await buy(me, victim, "proxied"))
    assert shown(gate) == TRUTH
    async with at(app, TRUTH, signed, **{"x-forwarded-for": LIE}) as me:
        done(await buy(me, victim, "past-the-proxy"))
    assert shown(gate) == TRUTH


async def test_a_player_who_names_an_address_buys_nothing(
    city: City, castle: Studio, victim: Objects, gate: Gate
) -> None:
    before, asked = await castle.entries(), len(gate.seen)
    for named in (LIE, TRUTH):
        async with at(city.app, TRUTH, await token(castle, victim.player)) as me:
            answer = await buy(me, victim, f"named-{named}", address=named)
        assert refused(answer) == (403, "buyer_address_not_allowed")
        assert answer.json()["field"] == "address"
    assert (await castle.entries(), len(gate.seen)) == (before, asked)


async def test_a_game_server_names_the_buyers_address_and_its_own_is_not_taken_for_it(
    city: City, castle: Studio, victim: Objects, gate: Gate
) -> None:
    async with at(city.app, TRUTH, castle.token) as server:
        done(await buy(server, victim, "unnamed", playerId=victim.player))
        assert shown(gate) is None
        named = {"playerId": victim.player, "address": f"::ffff:{LIE}"}
        done(await buy(server, victim, "named", **named))
        assert shown(gate) == LIE
        wrong = {"playerId": victim.player, "address": "the office"}
        answer = await buy(server, victim, "wrong", **wrong)
        assert refused(answer) == (422, "bad_buyer_address")


async def test_a_device_cannot_be_chosen_by_its_hash(
    city: City, castle: Studio, victim: Objects, gate: Gate
) -> None:
    async with at(city.app, TRUTH, await token(castle, victim.player)) as me:
        done(await buy(me, victim, "device", device="a-token"))
        first = gate.seen[-1][1].device
        assert first is not None
        done(await buy(me, victim, "its-hash", device=first))
        assert gate.seen[-1][1].device not in (None, first)
        for key, bad in (("long", "x" * 201), ("blank", "a b"), ("empty", "")):
            assert (await buy(me, victim, key, device=bad)).status_code == 422


async def test_the_country_of_an_address_is_read_from_the_file_that_the_deployment_names(
    city: City, tmp_path: Path
) -> None:
    path = write_countries(tmp_path / "countries.mmdb")
    settings = city.services.settings.model_copy(update={"address_countries": path})
    for configured, country in ((settings, "DE"), (city.services.settings, None)):
        services = open_services(configured)
        try:
            assert services.payments.address_countries.country_of(LIE) == country
        finally:
            await services.close()
