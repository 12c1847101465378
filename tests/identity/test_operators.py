"""Operators come in by password and code, keep a session, and are kept by each other."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count

import httpx
import pytest
from tests.house import House
from tests.staff import PASSWORD, Person, hired, mailed_token
from tests.studio import done, refused

from guildbank.identity import create_key
from guildbank.identity.usecases.authenticate import Authenticator
from guildbank.identity.usecases.operators.change_operator import set_state
from guildbank.identity.usecases.operators.invite import make_link
from guildbank.kernel import Refusal
from guildbank.tenancy import TenantRef

_slugs = count(1)


@pytest.fixture
async def guild(house: House) -> TenantRef:
    return await house.tenant(f"guild-{next(_slugs)}")


@pytest.fixture
async def browser(house: House, guild: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    client = await house.players_client(guild)
    async with client:
        yield client


async def staff_of(house: House, guild: TenantRef, *roles: str) -> Person:
    return await hired(house.identity, await house.players_client(guild), guild, *roles)


async def refresh_clock(house: House) -> None:
    """Let the app show another code."""
    house.clock.advance(timedelta(seconds=60))


async def test_a_session_begins_with_password_and_code_and_not_before(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    olga.http.cookies.clear()
    assert refused(await olga.http.get("/v1/operator/me")) == (401, "unauthorized")
    await refresh_clock(house)
    half = await olga.sign_in()
    assert half["step"] == "second_factor"
    assert refused(await olga.http.get("/v1/operator/me")) == (401, "unauthorized")
    assert refused(await olga.finish(half["challenge"], "000000")) == (401, "code_wrong")
    me = olga.took(await olga.finish(half["challenge"], olga.code()))
    assert me["operator"]["address"] == olga.address
    assert me["tenant"] == guild.slug
    assert "operators:write" in me["permissions"]
    assert "deployment" not in me["permissions"]
    assert done(await olga.http.get("/v1/operator/me"))["csrf"] == me["csrf"]


async def test_the_cookie_is_for_this_host_alone_and_no_script_reads_it(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    await refresh_clock(house)
    half = await olga.sign_in()
    answer = await olga.finish(half["challenge"], olga.code())
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith("guildbank=")
    for mark in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert mark in cookie
    assert "Domain" not in cookie
    over_https = house.another(home="https://bank.example")
    assert over_https.staff.cookie == "__Host-guildbank"
    assert over_https.staff.secure
    await over_https.close()


async def test_an_operator_without_an_app_can_do_nothing_but_set_one_up(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga = await staff_of(house, guild, "owner")
    done(await olga.http.post("/v1/operator-invitations", json={
        "address": "new@staff.example", "roles": ["support"]}))  # fmt: skip
    token = await mailed_token(house.identity, guild, "identity.operator_invitation")
    body = {"token": token, "name": "Nina", "password": PASSWORD}
    half = done(await browser.post("/v1/operator/invitations/accept", json=body))
    assert half["step"] == "enrol"
    for path in ("/v1/operator/me", "/v1/operators", "/v1/players"):
        assert refused(await browser.get(path)) == (401, "unauthorized")
    nina = Person(house.identity, guild, browser, "new@staff.example")
    assert refused(await nina.finish(half["challenge"], "123456")) == (401, "code_wrong")
    me = await nina.enrol(half["challenge"])
    assert len(me["recoveryCodes"]) == 10
    assert done(await browser.get("/v1/players"))["items"] == []
    assert refused(await browser.get("/v1/operators")) == (403, "forbidden")


async def test_an_invitation_works_once_and_for_72_hours(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga = await staff_of(house, guild, "owner")

    async def invited(address: str) -> dict[str, str]:
        body = {"address": address, "roles": ["support"]}
        done(await olga.http.post("/v1/operator-invitations", json=body))
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
    assert (await olga.http.delete(f"/v1/operator-invitations/{at}")).status_code == 204
    assert refused(await browser.post(accept, json=withdrawn)) == (410, "invitation_ended")


async def test_a_code_and_a_recovery_code_are_each_good_once(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    await refresh_clock(house)
    code = olga.code()
    half, again = await olga.sign_in(), await olga.sign_in()
    olga.took(await olga.finish(half["challenge"], code))
    assert refused(await olga.finish(half["challenge"], code)) == (401, "challenge_ended")
    assert refused(await olga.finish(again["challenge"], code)) == (401, "code_wrong")
    olga.took(await olga.finish(again["challenge"], olga.codes[3].upper()))
    third = await olga.sign_in()
    assert refused(await olga.finish(third["challenge"], olga.codes[3])) == (401, "code_wrong")


async def test_a_session_ends_idle_absolutely_and_by_signing_out(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")

    async def works() -> bool:
        answer = await olga.http.get("/v1/operator/me")
        if answer.status_code != 200:
            assert refused(answer) == (401, "session_ended")
        return answer.status_code == 200

    house.clock.advance(timedelta(minutes=29))
    assert await works()
    house.clock.advance(timedelta(minutes=29))
    assert await works(), "it was used meanwhile"
    house.clock.advance(timedelta(minutes=30))
    assert not await works()
    await olga.come_in()
    for _ in range(25):
        house.clock.advance(timedelta(minutes=28))
        assert await works()
    house.clock.advance(timedelta(minutes=20))
    assert not await works(), "twelve hours are the most"
    await olga.come_in()
    kept = dict(olga.http.cookies)
    assert (await olga.http.post("/v1/operator/sign-out")).status_code == 204
    assert "guildbank" not in olga.http.cookies
    olga.http.cookies.update(kept)
    assert not await works(), "a copy of the cookie is worth nothing"


async def test_dangerous_calls_want_a_proof_of_the_last_ten_minutes(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    body = {"address": "x@staff.example", "roles": ["support"]}
    house.clock.advance(timedelta(minutes=11))
    for path, sent in (
        ("/v1/operator-invitations", body),
        ("/v1/roles", {"name": "night", "permissions": ["players:read"]}),
        ("/v1/keys", {"name": "k", "scopes": ["players:read"]}),
    ):
        assert refused(await olga.http.post(path, json=sent)) == (403, "step_up_required")
    assert (await olga.http.get("/v1/keys")).status_code == 200
    up = {"password": PASSWORD, "code": "000000"}
    assert refused(await olga.http.post("/v1/operator/step-up", json=up)) == (401, "code_wrong")
    wrong = {"password": "wrong", "code": olga.code()}
    answer = await olga.http.post("/v1/operator/step-up", json=wrong)
    assert refused(answer) == (401, "login_failed")
    before = olga.http.cookies["guildbank"]
    olga.took(await olga.http.post("/v1/operator/step-up", json={**up, "code": olga.code()}))
    assert olga.http.cookies["guildbank"] != before
    done(await olga.http.post("/v1/operator-invitations", json=body))


async def test_suspending_ends_sessions_at_once_on_every_worker(
    house: House, guild: TenantRef
) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    elsewhere = house.another()
    headers = {"host": "localhost", "cookie": f"guildbank={sam.http.cookies['guildbank']}"}
    assert not isinstance(await Authenticator(elsewhere)(headers, "/"), Refusal)
    done(await olga.http.post(f"/v1/operators/{sam.id}/suspend"))
    found = await Authenticator(elsewhere)(headers, "/")
    assert isinstance(found, Refusal)
    assert found.code == "session_ended"
    await elsewhere.close()
    body = {"address": sam.address, "password": PASSWORD}
    answer = await sam.http.post("/v1/operator/sessions", json=body)
    assert refused(answer) == (403, "operator_suspended")
    wrong = await sam.http.post("/v1/operator/sessions", json={**body, "password": "no"})
    assert refused(wrong) == (401, "login_failed"), "who does not know the password learns nothing"
    done(await olga.http.post(f"/v1/operators/{sam.id}/reinstate"))
    await refresh_clock(house)
    await sam.come_in()


async def test_other_roles_hold_at_once_and_end_sessions(house: House, guild: TenantRef) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    path = f"/v1/operators/{sam.id}/roles"
    done(await olga.http.put(path, json={"roles": ["compliance"]}))
    assert refused(await sam.http.get("/v1/players")) == (401, "session_ended")
    await refresh_clock(house)
    await sam.come_in()
    assert (await sam.http.get("/v1/operators")).status_code == 200
    unknown = await olga.http.put(path, json={"roles": ["emperor"]})
    assert refused(unknown) == (422, "invalid_value")


async def test_somebody_stays_owner(house: House, guild: TenantRef) -> None:
    olga, omar = await staff_of(house, guild, "owner"), await staff_of(house, guild, "owner")
    for who, whom in ((olga, olga), (omar, omar)):
        answer = await who.http.post(f"/v1/operators/{whom.id}/suspend")
        assert refused(answer) == (409, "not_oneself")
    done(await olga.http.put(f"/v1/operators/{omar.id}/roles", json={"roles": ["support"]}))
    plane = await house.identity.staff.plane(guild)
    last = await set_state(house.identity, plane, None, olga.id, "suspended")
    assert isinstance(last, Refusal)
    assert last.code == "last_owner"
    assert isinstance(await set_state(house.identity, plane, None, olga.id, "removed"), Refusal)


async def test_who_is_removed_is_gone_and_may_be_invited_again(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga, sam = await staff_of(house, guild, "owner"), await staff_of(house, guild, "support")
    assert (await olga.http.delete(f"/v1/operators/{sam.id}")).status_code == 204
    assert refused(await sam.http.get("/v1/players")) == (401, "session_ended")
    assert refused(await olga.http.get(f"/v1/operators/{sam.id}")) == (404, "not_found")
    body = {"address": sam.address, "roles": ["support"]}
    done(await olga.http.post("/v1/operator-invitations", json=body))
    token = await mailed_token(house.identity, guild, "identity.operator_invitation")
    accepted = {"token": token, "name": "Sam", "password": PASSWORD}
    done(await browser.post("/v1/operator/invitations/accept", json=accepted))


async def test_the_password_is_changed_with_the_old_one_and_ends_other_sessions(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    second = Person(house.identity, guild, await house.players_client(guild), olga.address)
    second.secret = olga.secret
    await refresh_clock(house)
    await second.come_in()
    new = {"password": "nine lanterns on the quay"}
    wrong = await olga.http.post("/v1/operator/password", json={"oldPassword": "no", **new})
    assert refused(wrong) == (401, "login_failed")
    changed = await olga.http.post("/v1/operator/password", json={"oldPassword": PASSWORD, **new})
    assert changed.status_code == 204, changed.text
    assert refused(await second.http.get("/v1/operator/me")) == (401, "session_ended")
    assert (await olga.http.get("/v1/operator/me")).status_code == 200
    body = {"address": olga.address, "password": PASSWORD}
    answer = await second.http.post("/v1/operator/sessions", json=body)
    assert refused(answer) == (401, "login_failed")


async def test_a_mailed_link_sets_a_password_once_and_skips_no_second_factor(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga = await staff_of(house, guild, "owner")
    for address in (olga.address, "nobody@staff.example"):
        answer = await browser.post("/v1/operator/password/forgot", json={"address": address})
        assert (answer.status_code, answer.content) == (204, b"")
    token = await mailed_token(house.identity, guild, "identity.operator_reset")
    new = {"token": token, "password": "nine lanterns on the quay"}
    answer = await browser.post("/v1/operator/password/reset", json=new)
    assert answer.status_code == 204, answer.text
    again = await browser.post("/v1/operator/password/reset", json=new)
    assert refused(again) == (410, "reset_ended")
    assert refused(await olga.http.get("/v1/operator/me")) == (401, "session_ended")
    olga.password = new["password"]
    half = await olga.sign_in()
    assert half["step"] == "second_factor"
    assert refused(await olga.http.get("/v1/operator/me"))[0] == 401


async def test_a_new_app_takes_the_old_ones_place_only_when_it_is_confirmed(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    old = olga.secret
    fresh = done(await olga.http.post("/v1/operator/app"))["secret"]
    await refresh_clock(house)
    await olga.come_in()
    olga.secret = fresh
    body = {"code": olga.code()}
    codes = done(await olga.http.post("/v1/operator/app/confirm", json=body))["codes"]
    assert len(codes) == 10
    await refresh_clock(house)
    olga.secret = old
    half = await olga.sign_in()
    assert refused(await olga.finish(half["challenge"], olga.code())) == (401, "code_wrong")
    assert refused(await olga.finish(half["challenge"], olga.codes[0])) == (401, "code_wrong")
    olga.secret = fresh
    olga.took(await olga.finish(half["challenge"], olga.code()))


async def test_guessing_codes_is_stopped_though_the_password_is_known(
    house: House, guild: TenantRef
) -> None:
    olga = await staff_of(house, guild, "owner")
    half = await olga.sign_in()
    found = [refused(await olga.finish(half["challenge"], f"{n:06}")) for n in range(7)]
    assert found[0] == (401, "code_wrong")
    assert found[-1] == (429, "login_throttled")


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
    done(await olga.http.post("/v1/roles", json=night))
    assert refused(await olga.http.post("/v1/roles", json=night)) == (409, "role_taken")
    builtin = await olga.http.put("/v1/roles/owner", json={"permissions": ["keys:read"]})
    assert refused(builtin) == (404, "not_found")
    invented = await olga.http.post("/v1/roles", json={"name": "a1", "permissions": ["x:y"]})
    assert refused(invented) == (422, "invalid_value")
    deploy = await olga.http.post("/v1/roles", json={"name": "a1", "permissions": ["deployment"]})
    assert refused(deploy) == (422, "invalid_value")
    done(await olga.http.put(f"/v1/operators/{sam.id}/roles", json={"roles": ["night"]}))
    await refresh_clock(house)
    await sam.come_in()
    assert (await sam.http.get("/v1/keys")).status_code == 200
    assert refused(await olga.http.delete("/v1/roles/night")) == (409, "role_in_use")
    done(await olga.http.put("/v1/roles/night", json={"permissions": ["players:read"]}))
    await refresh_clock(house)
    await sam.come_in()
    assert refused(await sam.http.get("/v1/keys")) == (403, "forbidden")
    done(await olga.http.put(f"/v1/operators/{sam.id}/roles", json={"roles": ["support"]}))
    assert (await olga.http.delete("/v1/roles/night")).status_code == 204
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
