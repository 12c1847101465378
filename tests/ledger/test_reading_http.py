"""Who may read what over HTTP, and how bad questions are answered."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from tests.economy import Economy, txn

from guildbank.infra.config import Settings
from guildbank.infra.crypto import SigningKey
from guildbank.infra.http import Caller, encode_cursor
from guildbank.infra.http.app import build_app
from guildbank.infra.tenant import TenantRef
from guildbank.journal import sign_checkpoint
from guildbank.journal.room import ROOM as JOURNAL
from guildbank.kernel import Refusal, SystemClock, new_id
from guildbank.ledger import Proving
from guildbank.ledger.room import ROOM as LEDGER

ALL = frozenset({*JOURNAL.scopes, *LEDGER.scopes})


def cursor(position: object) -> str:
    """Make up a cursor, as a forger would."""
    return encode_cursor([json.dumps(position)])


class Door:
    """A client of one tenant, as whoever is asked for."""

    def __init__(self, client: httpx.AsyncClient, economy: Economy) -> None:
        self.client, self.economy = client, economy

    async def get(self, path: str, who: str = "machine", **params: str | int) -> httpx.Response:
        headers = {"authorization": f"Bearer {who}"}
        return await self.client.get(path, params=params or None, headers=headers)

    async def json(self, path: str, who: str = "machine", **params: str | int) -> Any:
        answer = await self.get(path, who, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def door(economy: Economy) -> AsyncIterator[Door]:
    tenant = TenantRef(id="ten_1", slug="demo", schema=economy.schema, mode="test", state="active")

    async def authenticate(
        headers: Mapping[str, str], path: str, address: object
    ) -> Caller | Refusal | None:
        who = headers.get("authorization", "").removeprefix("Bearer ")
        if who == "machine":
            return Caller(kind="machine", principal="app_1", tenant=tenant, scopes=ALL)
        if who == "powerless":
            return Caller(kind="machine", principal="app_2", tenant=tenant)
        if who:
            return Caller(kind="player", principal=who, tenant=tenant, player_id=who)
        return None

    app = build_app(
        routes=[*JOURNAL.routes, *LEDGER.routes],
        codes=[*JOURNAL.codes, *LEDGER.codes],
        authenticate=authenticate,
        services={"db": economy.db, "proving": Proving(economy.db)},
        settings=Settings(),
    )
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield Door(client, economy)


async def test_a_player_reads_their_own_and_nobody_elses(door: Door):
    player, other = await door.economy.player(), await door.economy.player()
    spend_of = {}
    for one in (player, other):
        await door.economy.buy(one, 100, 999)
        spend_of[one] = txn(await door.economy.spend(one, 30))
    own = await door.json(f"/v1/players/{player}/balances", player)
    assert own["balances"][0]["available"] == 70
    assert own["seq"] == 4
    assert (await door.get(f"/v1/players/{other}/balances", player)).status_code == 404
    assert (await door.get(f"/v1/players/{other}/statement", player)).status_code == 404
    assert (await door.get(f"/v1/transactions/{spend_of[other]}", player)).status_code == 404
    mine = await door.json(f"/v1/transactions/{spend_of[player]}", player)
    assert mine["principal"] is mine["data"] is None
    assert mine["legs"][0]["creditBalance"] == 0
    assert mine["legs"][0]["origins"][0]["cost"] == {"amount": "2.99", "currency": "EUR"}
    assert (await door.get("/v1/proof", player)).status_code == 403
    assert (await door.get("/v1/events", player)).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/v1/players/x/balances",
        "/v1/players/x/statement",
        "/v1/transactions/x",
        "/v1/proof",
        "/v1/proof/status",
        "/v1/proof/payments?money=EUR",
        "/v1/events",
        "/v1/journal/checkpoints",
    ],
)
async def test_each_route_needs_credentials_and_its_scope(door: Door, path: str):
    assert (await door.get(path, "powerless")).status_code == 403
    assert (await door.client.get(path)).status_code == 401


async def test_a_statement_is_read_page_by_page(door: Door):
    player = await door.economy.player()
    for amount in range(1, 6):
        await door.economy.grant(player, amount)
    path, amounts = f"/v1/players/{player}/statement", []
    more: dict[str, str] = {}
    while True:
        page = await door.json(path, limit=2, **more)
        amounts += [(line["amount"], line["total"]) for line in page["items"]]
        if page["next"] is None:
            break
        more = {"after": page["next"]}
    assert amounts == [(5, 15), (4, 10), (3, 6), (2, 3), (1, 1)]
    since = (await door.json(path, limit=1))["items"][0]["at"]
    late = await door.json(path, **{"from": since})
    assert [line["amount"] for line in late["items"]] == [5]
    before = await door.json(f"/v1/players/{player}/balances", at="2020-01-01T00:00:00Z")
    assert before["balances"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("at=yesterday", "at"),
        ("at=2026-11-21T10:00:00", "at"),
        ("at=2026-13-21T10:00:00Z", "at"),
        ("at=9999-99-99T99:99:99Z", "at"),
        ("when=now", "when"),
    ],
)
async def test_a_bad_time_is_refused_by_name(door: Door, query: str, field: str):
    player = await door.economy.player()
    answer = await door.get(f"/v1/players/{player}/balances?{query}")
    assert answer.status_code == 422
    assert answer.json()["field"] == field


@pytest.mark.parametrize(
    "query",
    [
        "after=!!", "after=bm90IGpzb24", "after=WyJ7fSJd",
        f"after={cursor([[1, 2], []])}", f"after={cursor([[2**63, 0, 0], []])}",
        "bucket=x", "direction=up", "limit=0", "limit=201", "kind=", "kind=%00", "currency=%27--",
        "from=2026-11-21", "limit=1&limit=2",
    ],
)  # fmt: skip
async def test_a_bad_question_is_a_clear_4xx(door: Door, query: str):
    player = await door.economy.player()
    await door.economy.grant(player, 3)
    answer = await door.get(f"/v1/players/{player}/statement?{query}")
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["code"]


async def test_a_forged_cursor_shows_nothing_of_others(door: Door):
    player, other = await door.economy.player(), await door.economy.player()
    await door.economy.grant(other, 3)
    # Places in all accounts of the tenant, and a leg that no entry has.
    forged = cursor([[5, 2**40, -7], [[1024, 2**60, 2**60, -5], [77, 1, 1, 1]]])
    page = await door.json(f"/v1/players/{player}/statement", after=forged)
    assert page == {"items": [], "next": None}


async def test_what_does_not_exist_is_404(door: Door):
    for path in (
        f"/v1/players/{new_id('player')}/balances",
        "/v1/players/house/balances",
        "/v1/players/%00/statement",
        "/v1/transactions/txn_nothing",
        "/v1/transactions/%00",
    ):
        answer = await door.get(path)
        assert answer.status_code == 404, answer.text


async def test_the_proof_speaks_money(door: Door):
    player = await door.economy.player()
    await door.economy.buy(player, 100, 999, payment="pay_one")
    await door.economy.spend(player, 30)
    proof = await door.json("/v1/proof")
    assert proof["ok"] is True
    assert proof["money"][0]["captured"] == "9.99"
    assert (proof["money"][0]["unspent"], proof["money"][0]["recognised"]) == ("7.00", "2.99")
    assert proof["unspent"][0]["value"] == {"amount": "7.00", "currency": "EUR"}
    backing = await door.json("/v1/proof/payments", money="EUR")
    assert backing["items"][0]["paymentId"] == "pay_one"
    assert backing["items"][0]["spent"]["coins"] == 30


async def test_events_are_followed_without_a_gap(door: Door):
    player = await door.economy.player()
    await door.economy.grant(player, 1)
    first = await door.json("/v1/events", limit=10)
    assert [event["kind"] for event in first["items"]] == ["wallets.granted"]
    assert first["items"][0]["data"] == {"player": player}
    nothing = await door.json("/v1/events", after=first["next"])
    assert nothing == {"items": [], "next": first["next"]}
    await door.economy.grant(player, 2)
    later = await door.json("/v1/events", after=nothing["next"])
    assert [event["seq"] for event in later["items"]] == [2]


async def test_checkpoints_are_listed_newest_first(door: Door):
    key, player = SigningKey.generate(), await door.economy.player()
    for _ in range(3):
        await door.economy.grant(player, 1)
        await sign_checkpoint(door.economy.db, door.economy.schema, "demo", key, SystemClock())
    page = await door.json("/v1/journal/checkpoints", limit=2)
    assert [one["seq"] for one in page["items"]] == [3, 2]
    assert page["items"][0]["publicKey"] == key.public_key
    rest = await door.json("/v1/journal/checkpoints", after=page["next"])
    assert [one["seq"] for one in rest["items"]] == [1]


async def test_the_kept_proof_says_that_it_was_not_taken_yet(door: Door):
    kept = await door.json("/v1/proof/status")
    assert (kept["ok"], kept["checkedAt"], kept["problems"]) == (None, None, [])
