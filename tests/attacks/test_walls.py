"""A tenant is a wall: nobody sees, moves or learns of what is behind another's."""

import re
from collections.abc import Sequence

import pytest
from tests.attacks.estate import send
from tests.attacks.table import (
    EMPTY_FOR_OTHERS,
    NAMES_NOTHING,
    OF_THE_DEPLOYMENT,
    OUTCOME_FOR_EACH,
    Objects,
    Route,
)
from tests.studio import City, Studio, done, outcomes, refused

from guildbank.app.rooms import tenant_scopes
from guildbank.identity import mint_player_token
from guildbank.kernel import Refusal


@pytest.fixture(scope="module")
def inside(guarded: Sequence[Route]) -> Sequence[Route]:
    """Routes of a tenant that name objects by id."""
    return [
        route
        for route in guarded
        if route.scope != OF_THE_DEPLOYMENT and route.name not in NAMES_NOTHING
    ]


async def test_another_tenants_key_finds_none_of_our_objects(
    castle: Studio, intruder: Studio, inside: Sequence[Route], victim: Objects
) -> None:
    before = await castle.entries()
    theirs = await intruder.entries()
    special = EMPTY_FOR_OTHERS | OUTCOME_FOR_EACH
    # Their own currency has the same code, so that it is the object that is missing.
    found = {
        route.name: await send(intruder.http, route, victim)
        for route in inside
        if route.name not in special and route.name not in CURRENCY
    }
    assert len(found) >= 28
    assert {name: how.text for name, how in found.items() if how.status_code != 404} == {}
    assert await castle.entries() == before
    assert await intruder.entries() == theirs


CURRENCY = ("GET /v1/currencies/{code}", "PATCH /v1/currencies/{code}")
"""A code is a word, and each tenant means its own currency by it."""


async def test_what_another_tenant_is_told_does_not_say_whether_it_exists(
    intruder: Studio, inside: Sequence[Route], victim: Objects
) -> None:
    """An id of ours and one that nobody has get the same words."""
    nobody = Objects(
        slug="nowhere", token="", player="player_01kag3pyqmf9aag12vtrsy70ps", other="",
        currency="GEM", hold="hold_01m7yqwf9ke00800000000003v", pack="pack_01m7yqwf9ke008000000",
        transaction="txn_01m7yqwf9ke00800000000003v", payment="pay_01m7yqwf9ke008000000",
        unpaid="pay_01m7yqwf9ke008000000",
        refund="ref_01m7yqwf9ke008000000", request="rrq_01m7yqwf9ke008000000",
        key="key_01m7yqwf9ke008000000",
        mail="mail_01m7yqwf9ke00800000000003v", legal_hold="lgh_01m7yqwf9ke008000000",
        export="exp_01m7yqwf9ke008000000", disputed="pay_01m7yqwf9ke008000000",
        dispute="dis_01m7yqwf9ke008000000", method="pmt_01m7yqwf9ke008000000",
        destination="pod_01m7yqwf9ke008000000", payout="pyo_01m7yqwf9ke008000000",
    )  # fmt: skip
    for route in inside:
        if route.name in EMPTY_FOR_OTHERS | OUTCOME_FOR_EACH or route.name in CURRENCY:
            continue
        ours = (await send(intruder.http, route, victim)).json()
        unknown = (await send(intruder.http, route, nobody)).json()
        for answer in (ours, unknown):
            answer.pop("requestId")
            answer["detail"] = re.sub(r"'?[a-z]+_[0-9a-z]{15,}'?", "ID", answer["detail"])
        assert ours == unknown, route.name


async def test_a_batch_of_another_tenant_moves_nothing_of_ours(
    castle: Studio, intruder: Studio, victim: Objects
) -> None:
    move = {"playerId": victim.player, "currency": "GEM", "amount": 1}
    operations = [
        {"verb": "grant", "key": "a", **move},
        {"verb": "spend", "key": "b", **move},
        {"verb": "hold", "key": "c", **move},
        {"verb": "capture", "key": "d", "holdId": victim.hold},
        {"verb": "release", "key": "e", "holdId": victim.hold},
        {"verb": "reverse", "key": "f", "transactionId": victim.transaction},
    ]
    before = await castle.entries()
    answer = await intruder.post("/v1/operations:batch", {"mode": "each", "operations": operations})
    assert [code for _, code in outcomes(answer)] == [
        "unknown_account", "unknown_account", "unknown_account",
        "unknown_hold", "unknown_hold", "unknown_transaction",
    ]  # fmt: skip
    assert await castle.entries() == before


async def test_lists_show_ones_own_alone(
    intruder: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    secrets = (
        victim.player, victim.payment, victim.pack, victim.key, victim.slug, victim.mail,
        "hero@player.test",
    )  # fmt: skip
    read = [
        route
        for route in guarded
        if route.method == "GET" and route.name in NAMES_NOTHING | EMPTY_FOR_OTHERS
    ]
    assert len(read) >= 8
    for route in read:
        answer = await send(intruder.http, route, victim)
        # A provider is installed for all; that the intruder has no account there is their own.
        fits = answer.status_code in (200, 404) or answer.json()["code"] == "unknown_provider"
        assert fits, (route.name, answer.text)
        assert not [one for one in secrets if one in answer.text], route.name


async def test_a_player_of_another_tenant_is_nobody_here(
    city: City, intruder: Studio, guarded: Sequence[Route], victim: Objects
) -> None:
    theirs = await intruder.player("spy")
    minted = await mint_player_token(city.services.identity, intruder.ref, theirs)
    assert not isinstance(minted, Refusal)
    async with city.client(minted.token) as spy:
        for route in guarded:
            if route.players and route.name not in ("GET /v1/packs", "GET /v1/payout-terms"):
                answer = await send(spy, route, victim)
                assert answer.status_code == 404, (route.name, answer.text)


async def test_equal_external_ids_and_keys_never_meet(city: City) -> None:
    one, two = await city.studio(), await city.studio()
    players = [await studio.player("steam:1") for studio in (one, two)]
    assert players[0] != players[1]
    first = await one.grant(players[0], 100, key="same")
    second = await two.grant(players[1], 7, key="same")
    assert (first["balance"], second["balance"]) == (100, 7)
    assert first["transactionId"] != second["transactionId"]
    again = await two.move("grant", players[1], 7, key="same")
    assert again.json() == second
    for studio, player, balance in ((one, players[0], 100), (two, players[1], 7)):
        listed = done(await studio.http.get("/v1/players", params={"externalId": "steam:1"}))
        assert [found["id"] for found in listed["items"]] == [player]
        assert await studio.buckets(player) == {"free": balance}
        await studio.http.aclose()


async def test_a_weak_key_cannot_become_a_strong_one(
    city: City, castle: Studio, victim: Objects
) -> None:
    """Neither by making a key, nor by taking another's place."""
    strong = done(await castle.post("/v1/keys", {"name": "all", "scopes": tenant_scopes()}))
    async with city.client(await city.key(castle.ref, "keys:write", "keys:read")) as weak:
        made = await weak.post("/v1/keys", json={"name": "x", "scopes": ["wallets:grant"]})
        assert refused(made) == (403, "scope_not_held")
        path = f"/v1/keys/{strong['key']['id']}/rotate"
        assert refused(await weak.post(path, json={})) == (403, "scope_not_held")
        deployment = await weak.post("/v1/keys", json={"name": "x", "scopes": ["deployment"]})
        assert refused(deployment)[0] in (403, 422)
        read = await weak.get("/v1/keys")
        assert strong["token"] not in read.text
    async with city.client(strong["token"]) as machine:
        assert (await machine.get("/v1/currencies")).status_code == 200
