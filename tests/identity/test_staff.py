"""Operators invite, suspend, remove and promote each other, within what they may do themselves."""

from datetime import timedelta

import httpx
from tests.house import House
from tests.staff import PASSWORD, hired, mailed_token, refresh_clock, staff_of
from tests.studio import done, refused

from guildbank.identity import create_key
from guildbank.identity.usecases.authenticate import Authenticator
from guildbank.identity.usecases.operators.change_operator import set_state
from guildbank.identity.usecases.operators.invite import make_link
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef


async def test_an_invitation_works_once_and_for_72_hours(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga = await staff_of(house, guild, "owner")

    async def invited(address: str) -> dict[str, str]:
        body = {"address": address, "roles": ["support"]}
        done(await olga.agreed.post("/v1/operator-invitations", json=body))
        token = await mailed_token(house.identity, guild, "identity.operator_invitation")
        return {"token": token, "name": "N", "password": PASSWORD}

    accept = "/v1/operator/invitations/accept"
    first = await invited("one@staff.example")
    weak = await browser.post(accept, json={**first, "password": "password1"})
    assert refused(weak) == (422, "weak_password")
    other = await browser.post(accept, json={**first, "address": "two@staff.example"})
    assert refused(other) == (422, "invalid_value")
    done(await browser.post(accept, json=first))
    assert refused(await browser.post(accept, json=first)) == (410, "invitation_ended")
    late = await invited("late@staff.example")
    house.clock.advance(timedelta(hours=72))
    assert refused(await browser.post(accept, json=late)) == (410, "invitation_ended")
    await olga.come_in()
    withdrawn = await invited("gone@staff.example")
    listed = done(await olga.http.get("/v1/operator-invitations"))["items"]
    (at,) = [one["id"] for one in listed if one["address"] == "gone@staff.example"]
    assert (await olga.agreed.delete(f"/v1/operator-invitations/{at}")).is_success
    assert refused(await browser.post(accept, json=withdrawn)) == (410, "invitation_ended")


async def test_suspending_ends_sessions_at_once_on_every_worker(
    house: House, guild: TenantRef
) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    elsewhere = house.another()
    headers = {"host": "localhost", "cookie": f"guildbank={sam.http.cookies['guildbank']}"}
    assert not isinstance(await Authenticator(elsewhere)(headers, "/"), Refusal)
    done(await olga.agreed.post(f"/v1/operators/{sam.id}/suspend"))
    found = await Authenticator(elsewhere)(headers, "/")
    assert isinstance(found, Refusal)
    assert found.code == "session_ended"
    await elsewhere.close()
    body = {"address": sam.address, "password": PASSWORD}
    answer = await sam.http.post("/v1/operator/sessions", json=body)
    assert refused(answer) == (403, "operator_suspended")
    wrong = await sam.http.post("/v1/operator/sessions", json={**body, "password": "no"})
    assert refused(wrong) == (401, "login_failed"), "who does not know the password learns nothing"
    done(await olga.agreed.post(f"/v1/operators/{sam.id}/reinstate"))
    await refresh_clock(house)
    await sam.come_in()


async def test_other_roles_hold_at_once_and_end_sessions(house: House, guild: TenantRef) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    path = f"/v1/operators/{sam.id}/roles"
    done(await olga.agreed.put(path, json={"roles": ["compliance"]}))
    assert refused(await sam.http.get("/v1/players")) == (401, "session_ended")
    await refresh_clock(house)
    await sam.come_in()
    assert (await sam.http.get("/v1/operators")).status_code == 200
    unknown = await olga.http.put(path, json={"roles": ["emperor"]})
    assert refused(unknown) == (422, "invalid_value")


async def test_somebody_stays_owner(house: House, guild: TenantRef) -> None:
    olga, omar = await staff_of(house, guild, "owner"), await staff_of(house, guild, "owner")
    for who, whom in ((olga, olga), (omar, omar)):
        answer = await who.agreed.post(f"/v1/operators/{whom.id}/suspend")
        assert refused(answer) == (409, "not_oneself")
    done(await olga.agreed.put(f"/v1/operators/{omar.id}/roles", json={"roles": ["support"]}))
    plane = await house.identity.staff.plane(guild)
    last = await set_state(house.identity, plane, None, olga.id, "suspended")
    assert isinstance(last, Refusal)
    assert last.code == "last_owner"
    assert isinstance(await set_state(house.identity, plane, None, olga.id, "removed"), Refusal)


async def test_who_is_removed_is_gone_and_may_be_invited_again(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    assert (await olga.agreed.delete(f"/v1/operators/{sam.id}")).is_success
    assert refused(await sam.http.get("/v1/players")) == (401, "session_ended")
    assert refused(await olga.http.get(f"/v1/operators/{sam.id}")) == (404, "not_found")
    body = {"address": sam.address, "roles": ["support"]}
    done(await olga.agreed.post("/v1/operator-invitations", json=body))
    token = await mailed_token(house.identity, guild, "identity.operator_invitation")
    accepted = {"token": token, "name": "Sam", "password": PASSWORD}
    done(await browser.post("/v1/operator/invitations/accept", json=accepted))


async def test_the_deployments_people_are_apart_from_every_tenants(
    house: House, guild: TenantRef
) -> None:
    root = await hired(house.identity, house.client(house.app()), None, "owner")
    me = done(await root.http.get("/v1/operator/me"))
    assert me["tenant"] is None
    assert "deployment" in me["permissions"]
    made = done(await root.http.post("/v1/tenants", json={"slug": "by-root", "name": "By root"}))
    assert made["slug"] == "by-root"
    assert refused(await root.http.get("/v1/players"))[0] == 403
    olga = await staff_of(house, guild, "owner")
    assert refused(await olga.http.get("/v1/tenants")) == (403, "forbidden")
    listed = done(await olga.http.get("/v1/operators"))["items"]
    assert [one["id"] for one in listed] == [olga.id]
    body = {"address": root.address, "password": PASSWORD}
    answer = await olga.http.post("/v1/operator/sessions", json=body)
    assert refused(answer) == (401, "login_failed")


async def test_roles_of_ones_own(house: House, guild: TenantRef) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    night = {"name": "night", "permissions": ["players:read", "keys:read"]}
    done(await olga.agreed.post("/v1/roles", json=night))
    assert refused(await olga.agreed.post("/v1/roles", json=night)) == (409, "role_taken")
    builtin = await olga.agreed.put("/v1/roles/owner", json={"permissions": ["keys:read"]})
    assert refused(builtin) == (404, "not_found")
    invented = await olga.agreed.post("/v1/roles", json={"name": "a1", "permissions": ["x:y"]})
    assert refused(invented) == (422, "invalid_value")
    deploy = await olga.agreed.post("/v1/roles", json={"name": "a1", "permissions": ["deployment"]})
    assert refused(deploy) == (422, "invalid_value")
    done(await olga.agreed.put(f"/v1/operators/{sam.id}/roles", json={"roles": ["night"]}))
    await refresh_clock(house)
    await sam.come_in()
    assert (await sam.http.get("/v1/keys")).status_code == 200
    assert refused(await olga.agreed.delete("/v1/roles/night")) == (409, "role_in_use")
    done(await olga.agreed.put("/v1/roles/night", json={"permissions": ["players:read"]}))
    await refresh_clock(house)
    await sam.come_in()
    assert refused(await sam.http.get("/v1/keys")) == (403, "forbidden")
    done(await olga.agreed.put(f"/v1/operators/{sam.id}/roles", json={"roles": ["support"]}))
    assert (await olga.agreed.delete("/v1/roles/night")).is_success
    names = [one["name"] for one in done(await olga.http.get("/v1/roles"))["items"]]
    assert names == sorted(["owner", "admin", "finance", "support", "compliance", "analyst",
                            "developer"])  # fmt: skip


async def test_the_first_owners_link_opens_until_there_is_an_owner(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    plane = await house.identity.staff.plane(guild)
    first = await make_link(house.identity, plane, "first_owner", ["owner"])
    second = await make_link(house.identity, plane, "first_owner", ["owner"])
    assert isinstance(first, str)
    assert isinstance(second, str)
    accept = "/v1/operator/invitations/accept"
    body = {"name": "O", "password": PASSWORD, "address": "first@staff.example"}
    old = await browser.post(accept, json={**body, "token": first.split("#token=")[1]})
    assert refused(old) == (410, "invitation_ended"), "the next start printed another"
    token = second.split("#token=")[1]
    missing = {key: value for key, value in body.items() if key != "address"}
    answer = await browser.post(accept, json={**missing, "token": token})
    assert refused(answer) == (422, "missing_field")
    done(await browser.post(accept, json={**body, "token": token}))
    assert await make_link(house.identity, plane, "first_owner", ["owner"]) is None


async def test_a_stolen_first_link_opens_nothing_once_there_is_an_owner(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    plane = await house.identity.staff.plane(guild)
    link = await make_link(house.identity, plane, "first_owner", ["owner"])
    assert isinstance(link, str)
    await staff_of(house, guild, "owner")
    body = {"name": "E", "password": PASSWORD, "address": "eve@staff.example"}
    token = link.split("#token=")[1]
    answer = await browser.post("/v1/operator/invitations/accept", json={**body, "token": token})
    assert refused(answer) == (410, "invitation_ended")


async def test_a_key_cannot_hold_what_is_for_people(house: House, guild: TenantRef) -> None:
    made = await create_key(house.identity, guild, "k", ["operators:write"])
    assert isinstance(made, Refusal)
    assert made.code == "invalid_value"
