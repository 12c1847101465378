"""Who asked cannot agree, nor a machine, nor who may not do it, nor anybody elsewhere."""

import httpx
from tests.approvals.office import ALWAYS, Office, above, decide, open_office, read, waits
from tests.studio import City, done, refused

FORBIDDEN = (403, "forbidden")


async def test_the_one_who_asked_cannot_agree(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    assert refused(await decide(office.olga, asked)) == (403, "own_request")
    assert refused(await decide(office.olga, asked, "reject", reason="no")) == (403, "own_request")
    assert (await read(office.olga, asked))["state"] == "pending"
    assert await office.coins() == 0


async def test_an_approver_who_is_the_requester_by_a_second_session_cannot(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    first = office.olga.id
    office.olga.http.cookies.clear()
    del office.olga.http.headers["x-csrf-token"]
    await office.olga.come_in(1)
    assert office.olga.id == first
    assert refused(await decide(office.olga, asked)) == (403, "own_request")


async def test_a_machine_waits_and_cannot_agree(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.studio.http, 50))
    assert refused(
        await office.studio.http.post(f"/v1/approvals/{asked['id']}/approve", json={})
    ) == (403, "forbidden")
    assert refused(
        await office.studio.http.post(f"/v1/approvals/{asked['id']}/reject", json={"reason": "x"})
    ) == (403, "forbidden")
    assert await office.coins() == 0
    done(await decide(office.pavel, asked))
    assert await office.coins() == 50


async def test_a_machine_whose_keys_were_revoked_meanwhile_gets_nothing(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.studio.http, 50))
    keys = done(await office.olga.http.get("/v1/keys"))["items"]
    for key in keys:
        if key["kind"] == "secret":
            assert (await office.olga.http.delete(f"/v1/keys/{key['id']}")).status_code == 204
    assert refused(await decide(office.pavel, asked)) == (409, "requester_may_not")
    assert (await read(office.pavel, asked))["state"] == "pending"


async def test_an_operator_of_another_tenant_cannot_see_it(city: City, office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    async with open_office(city) as other:
        page = done(await other.pavel.http.get("/v1/approvals"))
        assert page["items"] == []
        answer = await other.pavel.http.get(f"/v1/approvals/{asked['id']}")
        assert refused(answer) == (404, "not_found")
        assert refused(await decide(other.pavel, asked)) == (404, "not_found")
    assert (await read(office.pavel, asked))["state"] == "pending"


async def test_who_may_not_grant_cannot_agree_to_a_grant(office: Office) -> None:
    await office.policy(ALWAYS)
    clerk = await office.person("finance")
    asked = waits(await office.grant(office.olga.http, 50))
    assert refused(await decide(clerk, asked)) == FORBIDDEN
    assert refused(await decide(clerk, asked, "reject", reason="no")) == FORBIDDEN
    assert await office.coins() == 0
    analyst = await office.person("analyst")
    assert refused(await decide(analyst, asked)) == FORBIDDEN


async def test_who_asked_and_lost_the_permission_meanwhile_gets_nothing(office: Office) -> None:
    await office.policy(ALWAYS)
    clerk = await office.person("support")
    asked = waits(await office.grant(clerk.http, 50))
    await office.studio.sql(
        "UPDATE identity_operator_role SET role = 'analyst' WHERE operator_id = $1", clerk.id
    )
    assert refused(await decide(office.pavel, asked)) == (409, "requester_may_not")
    await office.studio.sql(
        "UPDATE identity_operator_role SET role = 'support' WHERE operator_id = $1", clerk.id
    )
    await office.studio.sql(
        "UPDATE identity_operator SET state = 'suspended' WHERE id = $1", clerk.id
    )
    assert refused(await decide(office.pavel, asked)) == (409, "requester_may_not")
    assert await office.coins() == 0
    await office.studio.sql("UPDATE identity_operator SET state = 'active' WHERE id = $1", clerk.id)
    done(await decide(office.pavel, asked))
    assert await office.coins() == 50


async def test_only_who_asked_cancels(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    assert refused(await decide(office.pavel, asked, "cancel")) == (403, "not_own_request")
    assert done(await decide(office.olga, asked, "cancel"))["state"] == "cancelled"
    assert refused(await decide(office.pavel, asked)) == (409, "approval_closed")
    assert waits(await office.grant(office.studio.http, 50, key="m"))["state"] == "pending"
    (mine,) = done(await office.olga.http.get("/v1/approvals?state=pending"))["items"]
    answer = await office.studio.http.post(f"/v1/approvals/{mine['id']}/cancel")
    assert done(answer)["state"] == "cancelled"


async def test_a_decision_needs_a_fresh_proof_of_who_decides(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50))
    await office.studio.sql(
        "UPDATE identity_operator_session SET fresh_at = fresh_at - INTERVAL '11 minutes'"
    )
    assert refused(await decide(office.pavel, asked)) == (403, "step_up_required")
    assert await office.coins() == 0


async def test_a_reason_to_reject_is_read_by_who_asked_and_is_nowhere_in_clear(
    office: Office,
) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.olga.http, 50, key="again"))
    done(await decide(office.pavel, asked, "reject", reason="Anna is no player of ours"))
    seen = await read(office.olga, asked)
    assert (seen["state"], seen["note"]) == ("rejected", "Anna is no player of ours")
    assert waits(await office.grant(office.olga.http, 50, key="again"))["state"] == "rejected"
    rows = await office.studio.sql("SELECT t::text FROM approvals_request AS t")
    assert not [row for row in rows if "Anna" in row[0] or b"Anna".hex() in row[0]]
    assert await office.kinds() == [
        "approval.requested",
        "approval.rejected",
    ]


async def key_by(office: Office, who: httpx.AsyncClient, *scopes: str) -> httpx.AsyncClient:
    """Return a client with a new key that somebody made."""
    made = done(await who.post("/v1/keys", json={"name": "till", "scopes": list(scopes)}))
    office.open.append(client := office.city.client(made["token"]))
    return client


async def test_who_made_the_key_that_asked_cannot_agree(office: Office) -> None:
    await office.policy(ALWAYS)
    till = await key_by(office, office.olga.http, "wallets:grant")
    asked = waits(await office.grant(till, 50))
    assert refused(await decide(office.olga, asked)) == (403, "own_request")
    assert refused(await decide(office.olga, asked, "reject", reason="no")) == (403, "own_request")
    assert await office.coins() == 0
    done(await decide(office.pavel, asked))
    assert await office.coins() == 50


async def test_who_made_the_key_that_made_the_key_that_asked_cannot_agree(office: Office) -> None:
    await office.policy(ALWAYS)
    first = await key_by(office, office.olga.http, "wallets:grant", "keys:write")
    till = await key_by(office, first, "wallets:grant")
    asked = waits(await office.grant(till, 50))
    assert refused(await decide(office.olga, asked)) == (403, "own_request")
    assert await office.coins() == 0


async def test_who_made_a_key_for_the_asking_application_later_cannot_agree(office: Office) -> None:
    await office.policy(ALWAYS)
    asked = waits(await office.grant(office.studio.http, 50))
    keys = done(await office.pavel.http.get("/v1/keys"))["items"]
    (key,) = [one for one in keys if one["kind"] == "secret"]
    done(await office.olga.http.post(f"/v1/keys/{key['id']}/rotate", json={"overlapSeconds": 60}))
    assert refused(await decide(office.olga, asked)) == (403, "own_request")
    done(await decide(office.pavel, asked))


async def test_many_keys_of_one_person_make_no_amount_small(office: Office) -> None:
    await office.policy(above(100))
    tills = [await key_by(office, office.olga.http, "wallets:grant") for _ in range(3)]
    players = [await office.studio.player() for _ in range(4)]
    askers = [*tills, office.olga.http]
    answers = [
        await office.grant(who, 40, playerId=player)
        for who, player in zip(askers, players, strict=True)
    ]
    assert [one.status_code for one in answers] == [201, 201, 202, 202]
    asked = waits(answers[2])
    done(await decide(office.pavel, asked, "reject", reason="too much"))
    done(await decide(office.pavel, waits(answers[3]), "reject", reason="too much"))
    assert (await office.grant(tills[0], 20, playerId=players[3])).status_code == 201
