"""A person gets all that is known of them, and is forgotten without a trace that names them."""

import asyncio
import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.lives.people import SCRIPT, buy, pack, register, sign_in, suspend
from tests.studio import City, Studio, done, refused

from guildbank.app.wiring import CHAINED
from guildbank.identity import Identity
from guildbank.identity.usecases.lives import erase as erasing
from guildbank.identity.usecases.lives.erase import erase_due
from guildbank.identity.usecases.lives.export import make_exports
from guildbank.journal import verify_journal
from guildbank.kernel import Refusal
from guildbank.notify import Mail, queue_mail, seal_mail
from guildbank.plugin_api import Outcome, OutcomeStatus

ADA = "ada.lovelace@player.test"
TRACES = ("lovelace", "countess", "Moonlit of Ada", "her brother", "abused Bob", "steam:ada")
"""What a full life leaves of the person, apart from an id that names nobody."""


@pytest.fixture
async def ada(studio: Studio, public: httpx.AsyncClient) -> tuple[str, dict[str, Any]]:
    """A person who has done everything."""
    body: dict[str, Any]
    player, body = await register(
        public, email=ADA, username="countess_l", locale="en", country="GB"
    )
    done(await sign_in(public, body))
    await studio.sql("UPDATE identity_player SET external_id = 'steam:ada' WHERE id = $1", player)
    done(await studio.move("grant", player, 100, metadata={"note": "for her brother"}))
    await studio.spend(player, 30)
    bought = done(await buy(studio, player, await pack(studio)))
    part = {"amount": {"amount": "1.00", "currency": "EUR"}, "reason": "her brother paid"}
    done(await studio.post(f"/v1/payments/{bought['id']}/refunds", part))
    freeze = {"currency": "GEM", "reason": "abused Bob"}
    done(await studio.post(f"/v1/players/{player}/freeze", freeze))
    await suspend(studio, player, "abused Bob")
    done(await studio.http.post(f"/v1/players/{player}/reinstate"))
    await suspend(studio, player, "abused Bob")
    return player, body


async def traces(studio: Studio, *words: str) -> list[str]:
    """Return the tables of the tenant in which any of the words stands."""
    tables = await studio.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' "
        "ORDER BY relname",
        studio.ref.schema,
    )
    found = []
    for (table,) in tables:
        for (row,) in await studio.sql(f'SELECT t::text FROM "{table}" AS t'):
            # Bytes are shown in hex.
            found += [table for word in words if word in row or word.encode().hex() in row]
    return sorted(set(found))


async def test_an_erased_person_leaves_no_trace_and_the_books_stay_valid(
    city: City, studio: Studio, public: httpx.AsyncClient, ada: tuple[str, dict[str, Any]]
) -> None:
    player, body = ada
    words = (*TRACES, body["username"])
    assert {"identity_email", "identity_username", "identity_session", "ledger_account"} <= set(
        await traces(studio, *words)
    )
    before = await studio.sql("SELECT seq, kind, data FROM journal_entry ORDER BY seq")
    balances = await studio.buckets(player)
    answer = await studio.http.post(f"/v1/players/{player}/erase")
    assert answer.status_code == 200, answer.text
    assert answer.json()["erasedAt"] is not None
    assert await traces(studio, *words) == []
    assert done(await studio.http.get(f"/v1/players/{player}")) | {"createdAt": ""} == {
        "id": player, "externalId": None, "state": "erased", "createdAt": "",
    }  # fmt: skip
    after = await studio.sql("SELECT seq, kind, data FROM journal_entry ORDER BY seq")
    assert after[: len(before)] == before
    assert await studio.buckets(player) == balances
    verified = await verify_journal(city.services.db, studio.ref.schema, CHAINED, lambda *_: None)
    assert verified.damage is None
    proof = done(await studio.http.get("/v1/proof"))
    assert proof["problems"] == [], proof
    assert refused(await sign_in(public, body)) == (401, "login_failed")
    assert refused(await studio.move("grant", player, 1)) == (403, "player_closed")
    listed = done(await studio.http.get("/v1/erasures"))["items"]
    assert [one["playerId"] for one in listed] == [player]
    again = await studio.http.post(f"/v1/players/{player}/erase")
    assert refused(again) == (404, "not_found")


async def test_the_name_and_address_of_an_erased_person_are_free(
    public: httpx.AsyncClient, studio: Studio, ada: tuple[str, dict[str, Any]]
) -> None:
    player, body = ada
    assert (await studio.http.post(f"/v1/players/{player}/erase")).status_code == 200
    other = done(await public.post("/v1/register", json=body))
    assert other["userId"] != player
    done(await sign_in(public, body))


async def test_nothing_is_kept_of_an_erased_person_later(
    studio: Studio, ada: tuple[str, dict[str, Any]]
) -> None:
    player, _ = ada
    assert (await studio.http.post(f"/v1/players/{player}/erase")).status_code == 200
    path = f"/v1/players/{player}"
    for answer in (
        await studio.http.patch(path, json={"locale": "en"}),
        await studio.http.post(f"{path}/suspend", json={"reason": "x"}),
        await studio.http.post(f"{path}/reinstate"),
        await studio.http.post(f"{path}/close"),
        await studio.http.post(f"{path}/exports"),
        await studio.http.post(f"{path}/legal-holds", json={"reason": "x"}),
        await studio.http.post(f"{path}/tokens"),
    ):
        assert refused(answer) == (404, "not_found"), answer.request.url


async def test_an_erasure_waits_for_a_legal_hold(studio: Studio, player: str) -> None:
    path = f"/v1/players/{player}"
    held = done(await studio.http.post(f"{path}/legal-holds", json={"reason": "court order 12"}))
    answer = await studio.http.post(f"{path}/erase")
    assert (refused(answer), answer.json()["heldBy"]) == ((409, "erasure_held"), ["legal_hold"])
    assert done(await studio.http.get(path))["state"] == "active"
    lifted = await studio.http.delete(f"{path}/legal-holds/{held['id']}")
    assert lifted.status_code == 204, lifted.text
    again = await studio.http.delete(f"{path}/legal-holds/{held['id']}")
    assert refused(again) == (404, "not_found")
    listed = done(await studio.http.get(f"{path}/legal-holds"))["items"]
    assert [(one["reason"], one["liftedAt"] is None) for one in listed] == [
        ("court order 12", False)
    ]
    assert (await studio.http.post(f"{path}/erase")).status_code == 200


async def test_an_erasure_waits_for_coins_and_money_under_way(studio: Studio, player: str) -> None:
    await studio.grant(player, 10)
    hold = await studio.hold(player, 5)
    of = await pack(studio)
    SCRIPT.on_create = Outcome(status=OutcomeStatus.PENDING)
    bought = (await buy(studio, player, of)).json()
    SCRIPT.on_create = None
    answer = await studio.http.post(f"/v1/players/{player}/erase")
    assert sorted(answer.json()["heldBy"]) == ["open_hold", "payment_in_flight"]
    done(await studio.post(f"/v1/holds/{hold['holdId']}/release"))
    done(await studio.http.post(f"/v1/payments/{bought['id']}/cancel"))
    assert (await studio.http.post(f"/v1/players/{player}/erase")).status_code == 200


async def test_who_asked_to_be_erased_undoes_it_by_signing_in(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    player, body = await register(public)
    tokens = done(await sign_in(public, body))
    async with city.client(tokens["token"]) as own:
        asked = await own.post("/v1/account/erase")
        assert asked.status_code == 202, asked.text
        assert refused(await own.get("/v1/profile")) == (401, "session_ended")
    waits = timedelta(days=14)
    row = await studio.sql("SELECT due_at - requested_at FROM identity_erasure")
    assert row[0][0] == waits
    await erase_due(city.services.identity)
    done(await sign_in(public, body))
    await studio.sql("UPDATE identity_erasure SET due_at = now() - interval '1 s'")
    await erase_due(city.services.identity)
    assert done(await studio.http.get(f"/v1/players/{player}"))["state"] == "active"


async def test_who_does_not_come_back_is_erased_by_the_job(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    player, body = await register(public)
    tokens = done(await sign_in(public, body))
    async with city.client(tokens["token"]) as own:
        assert (await own.post("/v1/account/erase")).status_code == 202
    hold = await studio.http.post(f"/v1/players/{player}/legal-holds", json={"reason": "x"})
    await studio.sql("UPDATE identity_erasure SET due_at = now() - interval '1 s'")
    await erase_due(city.services.identity)
    assert done(await studio.http.get(f"/v1/players/{player}"))["state"] == "active"
    await studio.http.delete(f"/v1/players/{player}/legal-holds/{done(hold)['id']}")
    await studio.sql("UPDATE identity_erasure SET due_at = now() - interval '1 s'")
    await erase_due(city.services.identity)
    assert done(await studio.http.get(f"/v1/players/{player}"))["state"] == "erased"
    assert await traces(studio, body["username"]) == []


async def test_a_machines_waiting_erasure_can_be_taken_back(studio: Studio, player: str) -> None:
    path = f"/v1/players/{player}/erase"
    asked = await studio.http.post(path, json={"waitDays": 3})
    assert (asked.status_code, asked.json()["erasedAt"]) == (200, None)
    assert (await studio.http.delete(path)).status_code == 204
    assert refused(await studio.http.delete(path)) == (404, "not_found")


async def test_many_who_ask_for_one_erasure_at_once_get_an_answer(studio: Studio) -> None:
    for _ in range(10):
        path = f"/v1/players/{await studio.player()}/erase"
        answers = await asyncio.gather(*(studio.http.post(path) for _ in range(4)))
        assert {one.status_code for one in answers} <= {200, 404}, [one.text for one in answers]
        assert 200 in {one.status_code for one in answers}


async def test_a_crash_between_the_commit_and_the_sweep_is_made_up_for(
    city: City,
    studio: Studio,
    ada: tuple[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    player, body = ada

    async def crash(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "_sweep", crash)
        broken = await studio.http.post(f"/v1/players/{player}/erase")
        assert broken.status_code == 503, broken.text
    assert done(await studio.http.get(f"/v1/players/{player}"))["state"] == "erased"
    assert await traces(studio, body["username"]) != []
    await erase_due(city.services.identity)
    assert await traces(studio, *TRACES, body["username"]) == []
    swept = await studio.sql("SELECT count(*) FROM identity_erasure WHERE swept_at IS NULL")
    assert swept[0][0] == 0


async def test_mail_that_waits_for_an_erased_person_is_gone(
    studio: Studio, city: City, ada: tuple[str, dict[str, Any]]
) -> None:
    player, _ = ada
    services = city.services
    for to in (ADA, "somebody@else.test"):
        mail = Mail(template="identity.reset_password", to=to, values={"link": "/x"})
        sealed = await seal_mail(services.notify, studio.ref, mail, services.clock.now())
        assert not isinstance(sealed, Refusal)
        async with services.db.begin(studio.ref.schema) as tx:
            await queue_mail(tx, sealed)
    assert (await studio.http.post(f"/v1/players/{player}/erase")).status_code == 200
    assert (await studio.sql("SELECT count(*) FROM notify_mail"))[0][0] == 1


async def download(client: httpx.AsyncClient, path: str, identity: Identity) -> dict[str, Any]:
    """Ask for an export, let the job make it, and return what each file of it holds."""
    asked = await client.post(path.replace("account/exports", "account/export"))
    assert asked.status_code == 202, asked.text
    one = f"{path}/{asked.json()['id']}"
    assert refused(await client.get(f"{one}/file")) == (409, "export_not_ready")
    await make_exports(identity)
    ready = done(await client.get(one))
    file = await client.get(f"{one}/file")
    assert (ready["state"], ready["bytes"]) == ("ready", len(file.content))
    assert file.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(file.content)) as packed:
        return {name: json.loads(packed.read(name)) for name in packed.namelist()}


async def test_an_export_holds_what_every_room_knows_in_clear(
    city: City, studio: Studio, ada: tuple[str, dict[str, Any]]
) -> None:
    player, body = ada
    files = await download(studio.http, f"/v1/players/{player}/exports", city.services.identity)
    assert files["identity_player.json"][0]["external_id"] == "steam:ada"
    assert files["identity_email.json"][0]["address"] == ADA
    assert files["identity_username.json"] == [{"name": body["username"]}]
    assert files["identity_standing.json"][0]["reason"] == {"reason": "abused Bob"}
    assert {"note": "for her brother"} in [one["payload"] for one in files["journal_payload.json"]]
    assert files["payments_refund.json"][0]["sealed_reason"] == {"reason": "her brother paid"}
    assert [one["amount"] for one in files["ledger_transfer.json"]][:2] == [100, 30]
    assert "argon2" not in json.dumps(files)


async def test_what_a_provider_sent_is_in_the_file_that_the_tenants_people_ask_for_alone(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    player, body = await register(public)
    bought = done(await buy(studio, player, await pack(studio)))
    await studio.sql(
        "INSERT INTO payments_webhook (id, provider, external_id, event, "
        "received_at, next_at, tries, attempt_id) "
        "VALUES ('whk_1', 'scripted', 'evt_1', 'paid', now(), now(), 0, $1)",
        bought["attempts"][0]["id"],
    )
    identity = city.services.identity
    files = await download(studio.http, f"/v1/players/{player}/exports", identity)
    (sent,) = files["payments_webhook.json"]
    assert sent["event"] == "paid"
    own = city.client(done(await sign_in(public, body))["token"])
    assert "payments_webhook.json" not in await download(own, "/v1/account/exports", identity)
    await own.aclose()


async def test_players_load_their_own_file_and_nobody_elses(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    clients = []
    for _ in range(2):
        _, body = await register(public)
        clients.append(city.client(done(await sign_in(public, body))["token"]))
    own, other = clients
    files = await download(own, "/v1/account/exports", city.services.identity)
    assert files["identity_session.json"][0]["device"] == "Moonlit of Ada"
    asked = (await own.post("/v1/account/export")).json()
    path = f"/v1/account/exports/{asked['id']}"
    assert refused(await other.get(path)) == (404, "not_found")
    assert refused(await other.get(f"{path}/file")) == (404, "not_found")
    for client in clients:
        await client.aclose()


async def test_a_file_is_unreadable_in_the_database_and_gone_after_its_time(
    city: City, studio: Studio, ada: tuple[str, dict[str, Any]]
) -> None:
    player, _ = ada
    await download(studio.http, f"/v1/players/{player}/exports", city.services.identity)
    parts = await studio.sql("SELECT sealed FROM identity_export_part")
    assert parts
    assert not [part for part in parts if b"PK" in part[0][:20]]
    await studio.sql("UPDATE identity_export SET expires_at = now() - interval '1 s'")
    await make_exports(city.services.identity)
    assert (await studio.sql("SELECT count(*) FROM identity_export_part"))[0][0] == 0


async def test_an_address_that_somebody_else_gave_too_tells_and_takes_nothing_of_theirs(
    city: City, studio: Studio, public: httpx.AsyncClient, ada: tuple[str, dict[str, Any]]
) -> None:
    services = city.services
    await studio.sql("UPDATE identity_email SET confirmed_at = now()")
    thief, _ = await register(public, email=ADA.upper())
    mail = Mail(template="identity.reset_password", to=ADA, values={"link": "/x"})
    sealed = await seal_mail(services.notify, studio.ref, mail, services.clock.now())
    assert not isinstance(sealed, Refusal)
    async with services.db.begin(studio.ref.schema) as tx:
        await queue_mail(tx, sealed)
    files = await download(studio.http, f"/v1/players/{thief}/exports", services.identity)
    assert files["notify_mail.json"] == []
    before = await studio.sql("SELECT id FROM notify_mail ORDER BY id")
    assert (await studio.http.post(f"/v1/players/{thief}/erase")).status_code == 200
    assert await studio.sql("SELECT id FROM notify_mail ORDER BY id") == before
