"""Packs over HTTP: kept by operators' keys, read by players."""

import pytest
from tests.payments.shop import Shop
from tests.payments.web import Web

PACK = {
    "name": "Chest", "currency": "GEM", "coins": 100, "bonusCoins": 10,
    "prices": [{"price": {"amount": "0.99", "currency": "EUR"}}],
}  # fmt: skip


@pytest.fixture
def web(shop: Shop) -> Web:
    return Web(shop)


async def test_a_pack_is_created_changed_and_read(web: Web):
    player = await web.shop.player()
    async with await web.machine() as server, await web.player(player) as me:
        made = await server.post("/v1/packs", json=PACK)
        assert made.status_code == 201, made.text
        pack = made.json()
        assert (pack["version"], pack["prices"][0]["price"]) == (
            1, {"amount": "0.99", "currency": "EUR"},
        )  # fmt: skip
        path = f"/v1/packs/{pack['id']}"
        changed = await server.put(path, json={**PACK, "coins": 120})
        assert (changed.json()["version"], changed.json()["coins"]) == (2, 120)
        assert (await me.get(path)).json() == changed.json()
        assert (await me.get(path, params={"version": 1})).json() == pack
        ids = [one["id"] for one in (await me.get("/v1/packs")).json()["items"]]
        assert ids == [web.shop.pack, pack["id"]]
        assert (await me.post("/v1/packs", json=PACK)).status_code == 403


async def test_the_same_key_makes_one_pack(web: Web):
    async with await web.machine() as server:
        key = {"idempotency-key": "make-once"}
        first = await server.post("/v1/packs", json=PACK, headers=key)
        again = await server.post("/v1/packs", json=PACK, headers=key)
        assert first.json() == again.json()
        other = await server.post("/v1/packs", json={**PACK, "coins": 7}, headers=key)
        assert (other.status_code, other.json()["code"]) == (409, "key_reused")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"coins": 0}, "out_of_range", "coins"),
        ({"coins": -5}, "out_of_range", "coins"),
        ({"coins": 1.5}, "wrong_type", "coins"),
        ({"coins": 2**53}, "out_of_range", "coins"),
        ({"bonusCoins": -1}, "out_of_range", "bonusCoins"),
        ({"currency": "RUBY"}, "unknown_currency", "currency"),
        ({"prices": []}, "out_of_range", "prices"),
        ({"prices": [{"price": {"amount": "0.00", "currency": "EUR"}}]}, "out_of_range",
         "prices[0].price.amount"),
        ({"prices": [{"price": {"amount": "0.999", "currency": "EUR"}}]}, "invalid_value",
         "prices[0].price.amount"),
        ({"prices": [{"price": {"amount": "1", "currency": "QQQ"}}]}, "unknown_currency",
         "prices[0].price.currency"),
        ({"prices": [{"price": {"amount": "1", "currency": "EUR"}, "country": "ZZ"}]},
         "unknown_country", "prices[0].country"),
        ({"prices": [{"price": {"amount": "1", "currency": "EUR"}, "country": "de"}]},
         "invalid_value", "prices.0.country"),
        ({"openAmount": {"minCoins": 5, "maxCoins": 4}}, "invalid_value", "openAmount"),
        ({"activeFrom": "tomorrow"}, "invalid_value", "activeFrom"),
        ({"limitPerPlayer": 0}, "out_of_range", "limitPerPlayer"),
        ({"colour": "red"}, "unknown_field", "colour"),
    ],
)  # fmt: skip
async def test_bad_packs_are_refused_by_field(
    web: Web, change: dict[str, object], code: str, field: str
):
    async with await web.machine() as server:
        answer = await server.post("/v1/packs", json={**PACK, **change})
        problem = answer.json()
        assert answer.status_code == 422, answer.text
        assert (problem["code"], problem.get("field")) == (code, field)
        listed = (await server.get("/v1/packs")).json()["items"]
    assert [one["id"] for one in listed] == [web.shop.pack]
