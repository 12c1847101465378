"""Operators come in by password and code, keep a session, and keep their own account."""

from datetime import timedelta

import httpx
from tests.house import House
from tests.staff import PASSWORD, Person, mailed_token, refresh_clock, staff_of
from tests.studio import done, refused

from guildbank.tenancy import TenantRef


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
    session, device = answer.headers.get_list("set-cookie")
    assert session.startswith("guildbank=")
    assert device.startswith("guildbank-device-")
    for cookie in (session, device):
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
    done(await olga.agreed.post("/v1/operator-invitations", json={
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
    done(await olga.agreed.post("/v1/operator-invitations", json=body))


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
