"""A player's client cannot make anything cheaper than the game server lets it be."""

import httpx
import pytest
from tests.attacks.table import Objects
from tests.studio import City, Studio, done, refused


@pytest.fixture(scope="module")
async def pack(castle: Studio, victim: Objects) -> str:
    """A pack of 4.99 that is 1.00 in Turkey."""
    prices = [
        {"price": {"amount": "4.99", "currency": "EUR"}},
        {"price": {"amount": "1.00", "currency": "EUR"}, "country": "TR"},
    ]
    body = {"name": "Chest", "currency": "GEM", "coins": 500, "prices": prices}
    return str(done(await castle.post("/v1/packs", body))["id"])


async def token(castle: Studio, player: str, country: str | None = None) -> str:
    body = {"country": country}
    return str(done(await castle.post(f"/v1/players/{player}/tokens", body))["token"])


async def buy(client: httpx.AsyncClient, pack: str, key: str, **more: str) -> httpx.Response:
    body = {"packId": pack, "currency": "EUR", "provider": "scripted", **more}
    return await client.post("/v1/payments", json=body, headers={"idempotency-key": key})


@pytest.mark.parametrize("signed", [None, "DE"])
async def test_a_player_who_names_a_cheaper_country_buys_nothing(
    city: City, castle: Studio, victim: Objects, pack: str, signed: str | None
) -> None:
    before = await castle.entries()
    async with city.client(await token(castle, victim.player, signed)) as me:
        answer = await buy(me, pack, f"cheap-{signed}", country="TR")
    assert refused(answer) == (403, "country_not_allowed")
    assert answer.json()["field"] == "country"
    assert await castle.entries() == before


async def test_a_player_moves_to_no_other_country_by_headers_or_queries(
    city: City, castle: Studio, victim: Objects, pack: str
) -> None:
    signed = await token(castle, victim.player, "DE")
    headers = {"cf-ipcountry": "TR", "x-country": "TR", "accept-language": "tr-TR"}
    async with city.client(signed, **headers) as me:
        bought = done(await buy(me, pack, "headers"))
        assert bought["amount"] == {"amount": "4.99", "currency": "EUR"}
        body = {"packId": pack, "currency": "EUR", "provider": "scripted"}
        answer = await me.post(
            "/v1/payments?country=TR", json=body, headers={"idempotency-key": "query"}
        )
        assert refused(answer) == (422, "unknown_field")


async def test_a_player_mints_no_token_of_another_country(
    city: City, castle: Studio, victim: Objects
) -> None:
    async with city.client(await token(castle, victim.player)) as me:
        path = f"/v1/players/{victim.player}/tokens"
        assert refused(await me.post(path, json={"country": "TR"})) == (403, "forbidden")
