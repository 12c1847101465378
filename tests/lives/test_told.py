"""What players are told of themselves, what is kept from them, and what comes after an erasure."""

import json

import httpx
from tests.lives.people import buy, pack, register, sign_in, suspend
from tests.lives.test_privacy import download, traces
from tests.studio import City, Studio, done, refused

from guildbank.identity.usecases.lives.erase import erase_due
from guildbank.identity.usecases.lives.export import make_exports
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantSettings, change_tenant


async def test_players_are_not_told_of_a_legal_hold_and_the_tenants_people_are(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    """Neither by what is refused nor by their own file, which says why they were barred."""
    player, body = await register(public)
    path = f"/v1/players/{player}"
    await suspend(studio, player, "sold coins for money")
    done(await studio.http.post(f"{path}/reinstate"))
    await studio.http.post(f"{path}/legal-holds", json={"reason": "the police asked"})
    identity = city.services.identity
    async with city.client(done(await sign_in(public, body))["token"]) as own:
        mine = await download(own, "/v1/account/exports", identity)
        theirs = await download(studio.http, f"{path}/exports", identity)
        asked = (await studio.http.post(f"{path}/exports")).json()["id"]
        assert refused(await own.get(f"/v1/account/exports/{asked}")) == (404, "not_found")
        answer = await own.post("/v1/account/erase")
    assert (answer.status_code, "hold" in answer.text) == (202, False)
    assert "identity_legal_hold.json" not in mine
    assert "police" not in json.dumps(mine)
    assert [one["reason"] for one in theirs["identity_legal_hold.json"]] == [
        {"reason": "the police asked"}
    ]
    await studio.sql("UPDATE identity_erasure SET due_at = now() - interval '1 s'")
    await erase_due(identity)
    assert done(await studio.http.get(path))["state"] == "active"


async def test_without_a_waiting_time_a_held_request_is_taken_and_waits_too(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    wanted = TenantSettings(erasure_wait_days=0)
    changed = await change_tenant(city.services.tenancy, studio.ref.slug, lambda _: wanted)
    assert not isinstance(changed, Refusal)
    player, body = await register(public)
    hold = {"reason": "the police asked"}
    await studio.http.post(f"/v1/players/{player}/legal-holds", json=hold)
    async with city.client(done(await sign_in(public, body))["token"]) as own:
        answer = await own.post("/v1/account/erase")
    assert (answer.status_code, answer.json()["erasedAt"]) == (202, None)
    assert done(await studio.http.get(f"/v1/players/{player}"))["state"] == "active"


async def test_why_a_player_was_barred_is_theirs_to_read(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    player, body = await register(public)
    await suspend(studio, player, "sold coins for money")
    done(await studio.http.post(f"/v1/players/{player}/close", json={"reason": "sold coins again"}))
    done(await studio.http.post(f"/v1/players/{player}/reinstate"))
    await suspend(studio, player, "third time")
    await studio.sql("UPDATE identity_player SET state = 'active' WHERE id = $1", player)
    async with city.client(done(await sign_in(public, body))["token"]) as own:
        files = await download(own, "/v1/account/exports", city.services.identity)
    assert files["identity_standing.json"][0]["reason"] == {"reason": "third time"}


async def test_of_a_players_files_the_newest_five_are_kept(
    city: City, studio: Studio, player: str
) -> None:
    path = f"/v1/players/{player}/exports"
    made = []
    for _ in range(7):
        made.append((await studio.http.post(path)).json()["id"])
        await make_exports(city.services.identity)
    kept = [(await studio.http.get(f"{path}/{one}")).status_code for one in made]
    assert kept == [404, 404, 200, 200, 200, 200, 200]


async def test_a_replay_after_an_erasure_gives_the_same_answer_and_no_word_of_the_person(
    studio: Studio, player: str
) -> None:
    note = {"note": "for her brother"}
    grant = {"playerId": player, "currency": "GEM", "amount": 10, "metadata": note}
    headers = {"idempotency-key": "granted-once"}
    first = await studio.http.post("/v1/grants", json=grant, headers=headers)
    again = await studio.http.post("/v1/grants", json=grant, headers=headers)
    assert (first.status_code, again.json()) == (201, first.json())
    assert (await studio.http.post(f"/v1/players/{player}/erase")).status_code == 200
    late = await studio.http.post("/v1/grants", json=grant, headers=headers)
    assert late.status_code == first.status_code, late.text
    assert {**late.json(), "metadata": None} == {**first.json(), "metadata": None}
    assert "brother" not in late.text
    other = await studio.http.post("/v1/grants", json={**grant, "amount": 11}, headers=headers)
    assert refused(other) == (409, "key_reused")
    unknown = await studio.http.post(
        "/v1/grants", json=grant, headers={"idempotency-key": "never-seen"}
    )
    assert unknown.status_code in (404, 422), unknown.text


async def test_a_refund_sent_again_after_an_erasure_is_the_same_refund(
    studio: Studio, player: str
) -> None:
    bought = done(await buy(studio, player, await pack(studio)))
    why = {"amount": {"amount": "1.00", "currency": "EUR"}, "reason": "her brother paid"}
    path, headers = f"/v1/payments/{bought['id']}/refunds", {"idempotency-key": "given-back"}
    first = done(await studio.http.post(path, json=why, headers=headers))
    assert (await studio.http.post(f"/v1/players/{player}/erase")).status_code == 200
    late = done(await studio.http.post(path, json=why, headers=headers))
    assert (late["id"], late["reason"]) == (first["id"], None)
    other = {**why, "amount": {"amount": "2.00", "currency": "EUR"}}
    again = await studio.http.post(path, json=other, headers=headers)
    assert refused(again) == (409, "key_reused")


async def test_why_a_wallet_was_frozen_stands_in_no_entry(studio: Studio, player: str) -> None:
    """The chain holds its salted hash; in the account it goes in the erasure's commit."""
    freeze = {"currency": "GEM", "reason": "abused Bob"}
    done(await studio.post(f"/v1/players/{player}/freeze", freeze))
    assert await traces(studio, "abused Bob") == ["ledger_account"]
    assert (await studio.http.post(f"/v1/players/{player}/erase")).status_code == 200
    assert await traces(studio, "abused Bob") == []
