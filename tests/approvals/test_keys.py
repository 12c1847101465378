"""A key that the policy names is agreed to by one person and fetched once by the other."""

from typing import Any

import httpx
import pytest
from tests.approvals.office import Office, decide, read, waits
from tests.staff import Person
from tests.studio import done, refused

from guildbank.approvals.usecases.end import expire
from guildbank.identity import create_key
from guildbank.identity.contracts.machines import NewKey

RULES = ({"verb": "keys.create"}, {"verb": "keys.rotate"})
WISH = {"name": "game-server", "scopes": ["players:read"]}
WHERE_TOKENS_COULD_BE = """
SELECT request::text FROM approvals_request AS request
UNION ALL
SELECT entry::text FROM journal_entry AS entry
UNION ALL
SELECT key::text FROM guildbank.identity_key AS key
"""


async def fetch(who: Person | httpx.AsyncClient, approval: dict[str, Any]) -> httpx.Response:
    http = who.http if isinstance(who, Person) else who
    return await http.post(f"/v1/approvals/{approval['id']}/key")


async def keys_named(office: Office, name: str) -> list[dict[str, Any]]:
    items = done(await office.olga.http.get("/v1/keys"))["items"]
    return [one for one in items if one["name"] == name]


async def test_a_key_is_made_when_who_asked_fetches_it_and_never_before(office: Office) -> None:
    await office.policy(*RULES)
    asked = waits(await office.olga.http.post("/v1/keys", json=WISH))
    assert (asked["command"]["name"], asked["command"]["scopes"]) == ("game-server", WISH["scopes"])
    assert waits(await office.olga.http.post("/v1/keys", json=WISH))["id"] == asked["id"]
    assert refused(await fetch(office.olga, asked)) == (409, "approval_pending")
    agreed = done(await decide(office.pavel, asked))
    assert (agreed["state"], agreed["decidedBy"]) == ("agreed", office.pavel.id)
    assert (agreed["transactionId"], agreed["answer"]) == (None, None)
    assert waits(await office.olga.http.post("/v1/keys", json=WISH))["state"] == "agreed"
    assert await keys_named(office, "game-server") == []
    made = done(await fetch(office.olga, asked))
    assert made["key"]["createdBy"] == office.olga.id
    server = office.city.client(made["token"])
    done(await server.get("/v1/players"))
    await server.aclose()
    shown = await read(office.pavel, asked)
    assert (shown["state"], shown["decidedBy"]) == ("executed", office.pavel.id)
    assert shown["answer"]["keyId"] == made["key"]["id"]
    assert await office.kinds("approval.%") == [
        "approval.requested", "approval.agreed", "approval.executed",
    ]  # fmt: skip


async def test_the_token_is_shown_once_to_one_person_and_stored_nowhere(office: Office) -> None:
    await office.policy(*RULES)
    asked = waits(await office.olga.http.post("/v1/keys", json=WISH))
    agreed = await decide(office.pavel, asked)
    assert "sk_" not in agreed.text
    assert refused(await fetch(office.pavel, asked)) == (403, "not_own_request")
    assert refused(await fetch(office.studio.http, asked)) == (403, "not_own_request")
    token = done(await fetch(office.olga, asked))["token"]
    again = await fetch(office.olga, asked)
    assert refused(again) == (409, "approval_closed")
    assert token not in again.text
    assert token not in (await office.olga.http.get(f"/v1/approvals/{asked['id']}")).text
    assert len(await keys_named(office, "game-server")) == 1
    rows = await office.studio.sql(WHERE_TOKENS_COULD_BE)
    assert rows
    assert not [row for row in rows if token in row[0]]


async def test_a_machine_asks_for_a_key_and_fetches_it_itself(office: Office) -> None:
    await office.policy(*RULES)
    asked = waits(await office.studio.http.post("/v1/keys", json=WISH))
    assert refused(
        await office.studio.http.post(f"/v1/approvals/{asked['id']}/approve", json={})
    ) == (403, "forbidden")
    done(await decide(office.pavel, asked))
    assert refused(await fetch(office.olga, asked)) == (403, "not_own_request")
    done(await fetch(office.studio.http, asked))


async def test_nobody_agrees_to_a_key_with_a_scope_that_they_lack(office: Office) -> None:
    body = {"name": "key-keeper", "permissions": ["keys:write", "approvals:read"]}
    keeper_may = [*body["permissions"], "approvals:write", "players:read"]
    done(await office.olga.agreed.post("/v1/roles", json=body | {"permissions": keeper_may}))
    keeper = await office.person("key-keeper")
    await office.policy(*RULES)
    wide = {"name": "wide", "scopes": ["wallets:grant"]}
    assert refused(await keeper.http.post("/v1/keys", json=wide)) == (403, "scope_not_held")
    asked = waits(await office.olga.http.post("/v1/keys", json=wide))
    assert refused(await decide(keeper, asked)) == (403, "scope_not_held")
    assert (await read(office.olga, asked))["state"] == "pending"
    narrow = waits(await office.olga.http.post("/v1/keys", json=WISH))
    done(await decide(keeper, narrow))
    done(await fetch(office.olga, narrow))


async def test_a_key_is_not_made_for_who_lost_the_permission_after_the_agreement(
    office: Office,
) -> None:
    await office.policy(*RULES)
    asked = waits(await office.studio.http.post("/v1/keys", json=WISH))
    done(await decide(office.pavel, asked))
    await office.studio.sql(
        "UPDATE identity_operator SET state = 'suspended' WHERE id = $1", office.pavel.id
    )
    assert refused(await fetch(office.studio.http, asked)) == (409, "approver_may_not")
    await office.studio.sql(
        "UPDATE identity_operator_role SET role = 'support' WHERE operator_id = $1", office.pavel.id
    )
    await office.studio.sql("UPDATE identity_operator SET state = 'active'")
    assert refused(await fetch(office.studio.http, asked)) == (409, "approver_may_not")
    assert await keys_named(office, "game-server") == []
    assert (await read(office.olga, asked))["state"] == "agreed"


async def test_what_was_agreed_to_can_be_taken_back_refused_or_lapse(office: Office) -> None:
    await office.policy(*RULES)
    for end in ("cancel", "reject", "lapse"):
        asked = waits(await office.olga.http.post("/v1/keys", json={**WISH, "name": end}))
        done(await decide(office.pavel, asked))
        if end == "cancel":
            done(await decide(office.olga, asked, "cancel"))
        elif end == "reject":
            done(await decide(office.pavel, asked, "reject", reason="thought again"))
        else:
            await office.lapse()
            assert refused(await fetch(office.olga, asked)) == (409, "approval_expired")
            assert await expire(office.city.services.four_eyes, office.studio.ref) == 1
        assert refused(await fetch(office.olga, asked)) == (409, "approval_closed")
        assert await keys_named(office, end) == []


async def test_rotating_waits_too_and_the_old_key_ends_only_once_its_successor_is_fetched(
    office: Office,
) -> None:
    made = await create_key(office.city.services.identity, office.studio.ref, "old", WISH["scopes"])
    assert isinstance(made, NewKey)
    await office.policy(*RULES)
    path = f"/v1/keys/{made.key.id}/rotate"
    asked = waits(await office.olga.http.post(path, json={"overlapSeconds": 0}))
    done(await decide(office.pavel, asked))
    old = office.city.client(made.token)
    done(await old.get("/v1/players"))
    new = office.city.client(done(await fetch(office.olga, asked))["token"])
    done(await new.get("/v1/players"))
    assert refused(await old.get("/v1/players")) == (401, "unauthorized")
    for http in (old, new):
        await http.aclose()


async def test_a_small_key_cannot_have_a_larger_one_of_its_application_rotated(
    office: Office,
) -> None:
    identity, ref = office.city.services.identity, office.studio.ref
    large = await create_key(identity, ref, "large", ["keys:write", "wallets:grant"])
    assert isinstance(large, NewKey)
    small = await create_key(
        identity, ref, "small", ["keys:write"], application=large.key.application
    )
    assert isinstance(small, NewKey)
    await office.policy(*RULES)
    http = office.city.client(small.token)
    answer = await http.post(f"/v1/keys/{large.key.id}/rotate", json={})
    assert refused(answer) == (403, "scope_not_held")
    await http.aclose()


@pytest.mark.parametrize("bad", [{"scopes": ["no:scope"]}, {"scopes": []}, {"application": "app"}])
async def test_a_key_that_could_not_be_made_is_refused_at_once(
    office: Office, bad: dict[str, object]
) -> None:
    await office.policy(*RULES)
    answer = await office.olga.http.post("/v1/keys", json={**WISH, **bad})
    assert answer.status_code == 422, answer.text
    assert done(await office.olga.http.get("/v1/approvals?state=pending"))["items"] == []
