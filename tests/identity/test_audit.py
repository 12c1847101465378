"""Every operator's and machine's change is recorded: who, what, when, from where and why."""

import csv
import io
import json
from typing import Any

import httpx
from tests.house import House
from tests.staff import Person, hired, staff_of

from guildbank.identity.usecases.operators.change_operator import set_state
from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.journal import verify_journal
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef

COMING_IN = {"identity.operator_factor_added", "identity.operator_signed_in"}
WATCH = {"name": "night-watch", "permissions": ["players:read"]}


async def audit(http: httpx.AsyncClient, **sought: str) -> list[dict[str, Any]]:
    answer = await http.get("/v1/audit", params=sought)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def make_role(owner: Person, **headers: str) -> None:
    made = await owner.agreed.post("/v1/roles", json=WATCH, headers=headers)
    assert made.status_code == 200, made.text


async def machine(house: House, guild: TenantRef, *scopes: str) -> httpx.AsyncClient:
    return house.client(house.app(), await house.key(guild, *scopes))


async def test_a_changed_role_shows_who_from_where_why_and_what_it_was(
    house: House, guild: TenantRef
) -> None:
    owner = await staff_of(house, guild, "owner")
    await make_role(owner)
    why = {"x-reason": "%D0%B7%D0%B0%D1%8F%D0%B2%D0%BA%D0%B0 4711"}
    body = {"permissions": ["players:read", "keys:read"]}
    await owner.agreed.put("/v1/roles/night-watch", json=body, headers=why)
    asked = (await audit(owner.http, kind="approval.requested"))[0]
    me = (await owner.http.get("/v1/operator/me")).json()
    assert (asked["principal"], asked["credential"]) == (owner.id, me["session"]["id"])
    assert (asked["address"], asked["reason"]) == ("127.0.0.1", "заявка 4711")
    found = (await audit(owner.http, kind="identity.role_changed"))[0]
    assert found["principal"] == owner.id
    assert found["facts"] == {"role": "night-watch"}
    assert found["before"] == {"permissions": ["players:read"]}
    assert found["after"] == {"permissions": ["keys:read", "players:read"]}
    assert (found["intact"], found["erased"]) == (True, False)


async def test_a_reason_that_is_no_text_is_refused_and_changes_nothing(
    house: House, guild: TenantRef
) -> None:
    owner = await staff_of(house, guild, "owner")
    for reason in ("%ff", "%0A", "x" * 501, "%20"):
        answer = await owner.agreed.post("/v1/roles", json=WATCH, headers={"x-reason": reason})
        assert (answer.status_code, answer.json()["field"]) == (422, "X-Reason"), reason
    assert await audit(owner.http, kind="identity.role_made") == []


async def test_it_is_found_by_each_of_its_sides(house: House, guild: TenantRef) -> None:
    owner = await staff_of(house, guild, "owner")
    await make_role(owner, **{"x-reason": "Christmas%20rota"})
    game = await machine(house, guild, "players:write", "audit:read")
    player = (await game.post("/v1/players", json={"externalId": "p1"})).json()["id"]
    await game.patch(f"/v1/players/{player}", json={"country": "DE"})
    application = (await audit(game, subject=player))[0]["principal"]
    everything = await audit(owner.http)
    at = everything[0]["at"]
    sides: list[tuple[dict[str, str], set[str]]] = [
        ({"principal": owner.id}, {*COMING_IN, "approval.requested", "identity.role_made"}),
        ({"principal": application}, {"identity.player_created", "identity.profile_changed"}),
        ({"kind": "identity.role_made"}, {"identity.role_made"}),
        ({"kind": "identity.role_*"}, {"identity.role_made"}),
        ({"kind": "identity.role_"}, set()),
        ({"subject": player}, {"identity.player_created", "identity.profile_changed"}),
        ({"address": "127.0.0.1"}, {one["kind"] for one in everything if one["address"]}),
        ({"address": "198.51.100.9"}, set()),
        ({"words": "christmas"}, {"approval.requested"}),
        ({"words": '"de"'}, {"identity.profile_changed"}),
        ({"until": "2020-01-01T00:00:00Z"}, set()),
        ({"since": at, "kind": "identity.role_made"}, set()),
    ]
    for sought, kinds in sides:
        found = {one["kind"] for one in await audit(owner.http, **sought)}
        assert found == kinds, sought


async def test_pages_follow_each_other_also_through_words(house: House, guild: TenantRef) -> None:
    owner = await staff_of(house, guild, "owner")
    for number in range(7):
        body = {"name": f"role-{number}", "permissions": ["players:read"]}
        await owner.agreed.post("/v1/roles", json=body)
    for sought in ({"kind": "identity.role_made"}, {"words": "role-"}):
        roles, after = [], None
        while True:
            params = {**sought, "limit": "3"} | ({"after": after} if after else {})
            page = (await owner.http.get("/v1/audit", params=params)).json()
            roles += [one["facts"]["role"] for one in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert roles == [f"role-{number}" for number in reversed(range(7))]


async def test_keys_are_recorded_in_the_tenant_whose_they_are(
    house: House, guild: TenantRef
) -> None:
    owner = await staff_of(house, guild, "owner")
    key = (
        await owner.http.post("/v1/keys", json={"name": "game", "scopes": ["players:read"]})
    ).json()["key"]
    await owner.http.post(f"/v1/keys/{key['id']}/rotate", json={})
    await owner.http.delete(f"/v1/keys/{key['id']}")
    await owner.http.delete(f"/v1/keys/{key['id']}")
    found = await audit(owner.http, subject=key["id"])
    assert [one["kind"].removeprefix("identity.key_") for one in found] == [
        "revoked", "rotated", "created",
    ]  # fmt: skip
    assert {one["principal"] for one in found} == {owner.id}
    assert found[0]["before"]["scopes"] == ["players:read"]


async def test_the_deployment_has_a_journal_of_its_own_and_sees_no_tenants(
    house: House, guild: TenantRef
) -> None:
    client = house.client(house.app())
    boss = await hired(house.identity, client, None, "owner")
    made = await client.post("/v1/tenants", json={"slug": "new-guild", "name": "New"})
    assert made.status_code == 201, made.text
    await client.patch("/v1/tenants/new-guild", json={"name": "Newer"})
    await client.post("/v1/tenants/new-guild/suspend")
    found = await audit(client, principal=boss.id)
    assert [one["kind"] for one in found][:3] == [
        "tenancy.suspended", "tenancy.changed", "tenancy.created",
    ]  # fmt: skip
    assert (found[1]["before"]["name"], found[1]["after"]["name"]) == ("New", "Newer")
    owner = await staff_of(house, guild, "owner")
    await make_role(owner)
    assert await audit(client, kind="identity.role_made") == []
    assert (await verify_journal(house.db, CONTROL_SCHEMA)).damage is None


async def test_what_was_changed_afterwards_is_said_by_the_audit_or_by_the_chain(
    house: House, guild: TenantRef
) -> None:
    owner = await staff_of(house, guild, "owner")
    await make_role(owner)
    await owner.agreed.put("/v1/roles/night-watch", json={"permissions": ["keys:read"]})
    made, changed = await audit(owner.http, kind="identity.role_*")
    async with house.db.begin(guild.schema) as tx:
        await tx.driver.execute(
            "UPDATE journal_audit SET sealed = (SELECT sealed FROM journal_audit WHERE seq = $1) "
            "WHERE seq = $2",
            made["seq"],
            changed["seq"],
        )
    shown = {one["seq"]: one["intact"] for one in await audit(owner.http, kind="identity.role_*")}
    assert shown == {made["seq"]: True, changed["seq"]: False}
    assert (await verify_journal(house.db, guild.schema)).damage is None
    async with house.db.begin(guild.schema) as tx:
        await tx.driver.execute(
            "UPDATE journal_audit SET hash = sha256(hash) WHERE seq = $1", changed["seq"]
        )
    damage = (await verify_journal(house.db, guild.schema)).damage
    assert damage is not None
    assert (damage.table, damage.seq) == ("journal_audit", changed["seq"])


async def test_it_is_taken_as_a_file_that_no_spreadsheet_runs(
    house: House, guild: TenantRef
) -> None:
    owner = await staff_of(house, guild, "owner")
    await make_role(owner, **{"x-reason": "%3D1%2B1"})
    answer = await owner.http.get("/v1/audit/file", params={"kind": "approval.requested"})
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["reason"], row["principal"]) == ("'=1+1", owner.id)
    assert json.loads(row["facts"])["verb"] == "roles.make"
    answer = await owner.http.get("/v1/audit/file", params={"format": "ndjson"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0]["kind"] == "identity.audit_exported"
    assert lines[0]["after"] == {"kind": "approval.requested"}


async def test_a_suspended_tenant_records_what_still_happens(
    house: House, guild: TenantRef
) -> None:
    owner = await staff_of(house, guild, "owner")
    other = await staff_of(house, guild, "support")
    boss = house.client(house.app(), await house.key(None))
    await boss.post(f"/v1/tenants/{guild.slug}/suspend")
    asked = await owner.http.post(f"/v1/operators/{other.id}/suspend")
    assert asked.json()["code"] == "tenant_suspended"
    plane = await house.identity.staff.plane(guild)
    gone = await set_state(house.identity, plane, None, other.id, "suspended")
    assert not isinstance(gone, Refusal), gone
    found = await audit(owner.http, subject=other.id, principal=HOST)
    assert found[0]["kind"] == "identity.operator_suspended"


async def test_what_the_host_does_is_recorded_as_such(house: House, guild: TenantRef) -> None:
    owner = await staff_of(house, guild, "owner")
    joined = (await audit(owner.http, subject=owner.id))[-1]
    assert (joined["kind"], joined["principal"]) == ("identity.operator_joined", HOST)
    assert joined["after"]["roles"] == ["owner"]
