"""Nobody alone changes the policy, an operator or a role."""

import pytest
from tests.approvals.office import ALWAYS, Office, ask, decide, read, waits
from tests.staff import Person
from tests.studio import done, refused


async def roles_of(office: Office, who: Person) -> list[str]:
    found: list[str] = done(await office.olga.http.get(f"/v1/operators/{who.id}"))["roles"]
    return found


async def test_the_first_policy_needs_two_as_well_and_says_who_set_it(office: Office) -> None:
    before = done(await office.olga.http.get("/v1/approval-policy"))
    assert (before["rules"], before["setBy"]) == ([], None)
    assert {"wallets.grant", "operators.invite"} <= {one["verb"] for one in before["approvable"]}
    first = waits(
        await office.olga.http.put(
            "/v1/approval-policy", json={"rules": [ALWAYS], "expiresAfterHours": 5}
        )
    )
    assert done(await office.olga.http.get("/v1/approval-policy"))["rules"] == []
    done(await decide(office.pavel, first))
    after = done(await office.pavel.http.get("/v1/approval-policy"))
    assert after["rules"] == [{"verb": "wallets.grant", "asset": None, "above": None}]
    assert (after["expiresAfterHours"], after["setBy"]) == (5, office.olga.id)
    asked = waits(await office.grant(office.olga.http, 5))
    hours = (
        await office.studio.sql(
            "SELECT expires_at - requested_at FROM approvals_request WHERE id = $1", asked["id"]
        )
    )[0]
    assert asked["state"] == "pending"
    assert hours[0].total_seconds() == 5 * 3600


async def test_the_policy_cannot_be_loosened_by_one(office: Office) -> None:
    await office.policy(ALWAYS)
    off: dict[str, object] = {"rules": []}
    asked = waits(await office.olga.http.put("/v1/approval-policy", json=off))
    assert asked["command"] == {"rules": [], "expiresAfterHours": 72}
    assert waits(await office.olga.http.put("/v1/approval-policy", json=off))["id"] == asked["id"]
    assert refused(await decide(office.olga, asked)) == (403, "own_request")
    waits(await office.grant(office.olga.http, 5))
    done(await decide(office.pavel, asked))
    done(await office.grant(office.olga.http, 5))


@pytest.mark.parametrize(
    ("rule", "code", "field"),
    [
        ({"verb": "wallets.mint"}, "invalid_value", "rules.0.verb"),
        ({"verb": "operators.invite", "above": 5}, "invalid_value", "rules.0.above"),
        ({"verb": "wallets.grant", "above": -1}, "out_of_range", "rules.0.above"),
        ({"verb": "wallets.grant", "asset": "g"}, "invalid_value", "rules.0.asset"),
    ],
)
async def test_a_rule_that_means_nothing_is_refused(
    office: Office, rule: dict[str, object], code: str, field: str
) -> None:
    answer = await office.olga.http.put("/v1/approval-policy", json={"rules": [rule]})
    assert refused(answer) == (422, code)
    assert answer.json()["field"] == field
    assert done(await office.olga.http.get("/v1/approval-policy"))["rules"] == []


async def test_without_any_rule_an_owner_invites_nobody_alone(office: Office) -> None:
    body = {"address": "second.self@staff.example", "roles": ["owner"]}
    asked = waits(await office.olga.http.post("/v1/operator-invitations", json=body))
    assert refused(await decide(office.olga, asked)) == (403, "own_request")
    assert done(await office.olga.http.get("/v1/operator-invitations"))["items"] == []
    assert await office.kinds() == ["approval.requested"]


async def test_an_invitation_waits_and_is_mailed_once_a_second_owner_agrees(
    office: Office,
) -> None:
    await office.policy(ALWAYS)
    body = {"address": "new@staff.example", "roles": ["support"]}
    asked = waits(await office.olga.http.post("/v1/operator-invitations", json=body))
    mails = "SELECT count(*) FROM notify_mail WHERE template = 'identity.operator_invitation'"
    assert (await office.studio.sql(mails))[0][0] == 0
    assert done(await office.olga.http.get("/v1/operator-invitations"))["items"] == []
    agreed = done(await decide(office.pavel, asked))
    (made,) = done(await office.olga.http.get("/v1/operator-invitations"))["items"]
    assert (made["address"], made["invitedBy"]) == ("new@staff.example", office.olga.id)
    assert (await office.studio.sql(mails))[0][0] == 1
    assert agreed["state"] == "executed"
    assert agreed["transactionId"] is not None


async def test_roles_wait_and_both_persons_must_be_able_to_give_them(office: Office) -> None:
    admin = await office.person("admin")
    clerk = await office.person("support")
    await office.policy(ALWAYS)
    body = {"roles": ["owner"]}
    path = f"/v1/operators/{clerk.id}/roles"
    assert refused(await admin.http.put(path, json=body)) == (403, "permission_not_held")
    asked = waits(await office.olga.http.put(path, json=body))
    assert refused(await decide(admin, asked)) == (403, "permission_not_held")
    assert await roles_of(office, clerk) == ["support"]
    assert (await read(admin, asked))["state"] == "pending"
    done(await decide(office.pavel, asked))
    assert await roles_of(office, clerk) == ["owner"]
    assert refused(await clerk.http.get("/v1/operator/me")) == (401, "session_ended")


async def test_who_was_demoted_after_asking_promotes_nobody(office: Office) -> None:
    second = await office.person("owner")
    clerk = await office.person("support")
    await office.policy(ALWAYS)
    asked = waits(
        await second.http.put(f"/v1/operators/{clerk.id}/roles", json={"roles": ["owner"]})
    )
    down = waits(
        await office.olga.http.put(f"/v1/operators/{second.id}/roles", json={"roles": ["admin"]})
    )
    done(await decide(office.pavel, down))
    assert refused(await decide(office.pavel, asked)) == (403, "permission_not_held")
    assert await roles_of(office, clerk) == ["support"]


async def test_suspending_and_reinstating_wait_and_come_into_force_in_one_commit(
    office: Office,
) -> None:
    clerk = await office.person("support")
    await office.policy(ALWAYS)
    asked = waits(await office.olga.http.post(f"/v1/operators/{clerk.id}/suspend"))
    assert done(await clerk.http.get("/v1/operator/me"))["operator"]["state"] == "active"
    again = waits(await office.olga.http.post(f"/v1/operators/{clerk.id}/suspend"))
    assert again["id"] == asked["id"]
    done(await decide(office.pavel, asked))
    assert clerk.http.cookies
    assert refused(await clerk.http.get("/v1/operator/me"))[0] in (401, 403)
    assert (await office.kinds("%"))[-2:] == ["identity.operator_suspended", "approval.executed"]
    back = waits(await office.pavel.http.post(f"/v1/operators/{clerk.id}/reinstate"))
    done(await decide(office.olga, back))
    assert done(await office.olga.http.get(f"/v1/operators/{clerk.id}"))["state"] == "active"


async def test_a_role_waits_to_be_made_changed_and_deleted(office: Office) -> None:
    await office.policy(ALWAYS)
    body = {"name": "night-shift", "permissions": ["players:read"]}
    made = waits(await office.olga.http.post("/v1/roles", json=body))
    done(await decide(office.pavel, made))
    wider = {"permissions": ["players:read", "wallets:grant"]}
    changed = waits(await office.olga.http.put("/v1/roles/night-shift", json=wider))
    names = [one["name"] for one in done(await office.olga.http.get("/v1/roles"))["items"]]
    assert "night-shift" in names
    done(await decide(office.pavel, changed))
    gone = waits(await office.pavel.http.delete("/v1/roles/night-shift"))
    done(await decide(office.olga, gone))
    names = [one["name"] for one in done(await office.olga.http.get("/v1/roles"))["items"]]
    assert "night-shift" not in names


async def test_how_operators_come_in_waits_and_its_secret_is_shown_to_nobody(
    office: Office,
) -> None:
    await office.policy(ALWAYS)
    body = {
        "issuer": "https://login.moonlit.example",
        "clientId": "guildbank",
        "clientSecret": "shh-quiet-issuer",
        "groups": [{"group": "everybody", "roles": ["owner"]}],
    }
    answer = await office.olga.http.put("/v1/staff-sign-in", json=body)
    asked = waits(answer)
    assert asked["command"]["groups"] == [{"group": "everybody", "roles": ["owner"]}]
    assert asked["command"]["newSecret"] is True
    assert "shh-quiet-issuer" not in answer.text
    assert refused(await office.olga.http.get("/v1/staff-sign-in")) == (404, "not_found")
    done(await decide(office.pavel, asked))
    assert done(await office.olga.http.get("/v1/staff-sign-in"))["clientSecretSet"] is True


async def test_a_change_that_would_be_refused_now_is_not_stored(office: Office) -> None:
    await office.policy(ALWAYS)
    path = f"/v1/operators/{office.olga.id}/suspend"
    assert refused(await office.olga.http.post(path)) == (409, "not_oneself")
    assert refused(await office.olga.http.delete("/v1/roles/nobody")) == (404, "not_found")
    assert await office.kinds("approval.requested") == []


async def test_what_one_person_has_waiting_is_bounded(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("guildbank.approvals.usecases.gate.MAX_PENDING_EACH", 2)
    monkeypatch.setattr("guildbank.approvals.usecases.gate.MAX_PENDING", 3)
    await office.policy(ALWAYS)
    for _ in range(2):
        waits(await office.grant(office.olga.http, 1))
    assert refused(await office.grant(office.olga.http, 1)) == (409, "too_many_approvals")
    third = waits(await office.grant(office.pavel.http, 1))
    assert refused(await office.grant(office.pavel.http, 1)) == (409, "too_many_approvals")
    done(await decide(office.pavel, third, "cancel"))
    (first, *_) = done(await office.olga.http.get("/v1/approvals?state=pending"))["items"]
    done(await decide(office.pavel, first))
    waits(await ask(office.olga.http, "/v1/grants", {
        "playerId": office.player, "currency": "GEM", "amount": 1}))  # fmt: skip
