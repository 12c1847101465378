"""Operators come in by the studio's own issuer, a real one, and may do what their groups may."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.authenticator import Authenticator
from tests.house import House
from tests.identity.desk import HOME, MFA, SET_UP, SUPPORT, Desk, open_desk
from tests.servers.oidc_provider import SECRET
from tests.staff import PASSWORD, Person
from tests.studio import done, refused

_names = count(1)


@pytest.fixture(scope="module")
async def desk(house: House) -> AsyncIterator[Desk]:
    async with open_desk(house, "studio-desk") as opened:
        yield opened


@pytest.fixture
async def olga(desk: Desk) -> Person:
    """An owner, with the issuer set up as each test begins, and the clock at the machine's time."""
    desk.clock.advance(datetime.now(UTC) - desk.clock.now())
    owner = await desk.hire("owner")
    await desk.set_up(owner, **MFA)
    return owner


@pytest.fixture
def ann(desk: Desk) -> str:
    """A helper whom the issuer asks for a second factor."""
    name = f"ann{next(_names)}"
    desk.server.tell(name, groups=["helpers", "skaters"], amr=["pwd", "mfa"])
    return name


async def test_who_is_in_a_group_comes_in_with_its_roles(
    desk: Desk, olga: Person, ann: str
) -> None:
    browser, me = await desk.came(ann)
    assert me["operator"]["roles"] == ["support"]
    assert me["operator"]["address"] == f"{ann}@example.com"
    assert me["tenant"] == desk.tenant.slug
    assert (await browser.get("/v1/players")).status_code == 200
    assert refused(await browser.get("/v1/operators")) == (403, "forbidden")
    _, again = await desk.came(ann)
    assert again["operator"]["id"] == me["operator"]["id"]


async def test_without_the_issuers_second_factor_ours_is_asked_for(
    desk: Desk, olga: Person, ann: str
) -> None:
    desk.server.tell(ann, groups=["helpers"], amr=["pwd"])
    person = Person(desk.identity, desk.tenant, desk.browser(), "")
    told = await desk.come(person.http, ann)
    assert (told["step"], told["methods"]) == ("enrol", "totp passkey")
    assert refused(await person.http.get("/v1/operator/me")) == (401, "unauthorized")
    await person.enrol(told["challenge"])
    told = await desk.come(person.http, ann)
    assert (told["step"], told["methods"]) == ("second_factor", "totp recovery_code")
    person.took(await person.finish(told["challenge"], person.codes[0]))


async def test_roles_follow_the_groups_at_each_sign_in(desk: Desk, olga: Person, ann: str) -> None:
    groups = [*SUPPORT, {"group": "bankers", "roles": ["finance", "analyst"]}]
    await desk.set_up(olga, groups=groups, **MFA)
    before, me = await desk.came(ann)
    desk.server.tell(ann, groups=["bankers"], amr=["mfa"])
    _, now = await desk.came(ann)
    assert now["operator"]["roles"] == ["analyst", "finance"]
    assert refused(await before.get("/v1/players")) == (401, "session_ended")
    desk.server.tell(ann, groups=["skaters"], amr=["mfa"])
    third, _ = desk.browser(), None
    assert await desk.come(third, ann) == {"problem": "no_group"}
    assert refused(await third.get("/v1/operator/me"))[0] == 401
    left = done(await olga.http.get(f"/v1/operators/{me['operator']['id']}"))
    assert left["roles"] == []


async def test_who_is_in_no_group_does_not_come_in(desk: Desk, olga: Person) -> None:
    for groups in ([], ["Helpers"], "skaters", {"helpers": True}, None):
        desk.server.tell("eve", groups=groups, amr=["mfa"])
        assert await desk.come(desk.browser(), "eve") == {"problem": "no_group"}, groups
    listed = done(await olga.http.get("/v1/operators", params={"limit": 200}))["items"]
    assert "eve@example.com" not in [one["address"] for one in listed]


async def test_an_address_alone_links_nobody(desk: Desk, olga: Person) -> None:
    sam = await desk.hire("support")
    desk.server.tell("twin", email=sam.address, groups=["helpers"], amr=["mfa"])
    assert await desk.come(desk.browser(), "twin") == {"problem": "operator_exists"}
    desk.server.tell("mallory", groups=["helpers"], amr=["mfa"])
    assert await desk.come(desk.browser(), "mallory") == {"problem": "studio_no_address"}


async def test_who_is_signed_in_links_and_has_no_other_way_in_from_then_on(
    desk: Desk, olga: Person, ann: str
) -> None:
    sam = await desk.hire("support", "analyst")
    key = Authenticator(HOME)
    options = done(await sam.http.post("/v1/operator/passkeys/options"))["options"]
    made = {"credential": key.create(options), "name": "Laptop"}
    done(await sam.http.post("/v1/operator/passkeys", json=made))
    url = done(await sam.http.post("/v1/operator/studio/link"))["url"]
    assert "max_age=0" in url, "the person must be asked, and not only the browser"
    assert await desk.return_of(sam.http, url, ann) == {}
    me = done(await sam.http.get("/v1/operator/me"))
    assert (me["operator"]["id"], me["operator"]["roles"]) == (sam.id, ["support"])
    _, again = await desk.came(ann)
    assert again["operator"]["id"] == sam.id
    body = {"address": sam.address, "password": PASSWORD, "tenant": desk.tenant.slug}
    answer = await desk.browser().post("/v1/operator/sessions", json=body)
    assert refused(answer) == (401, "login_failed")
    asked = done(await desk.browser().post("/v1/operator/sessions/passkey/options", json={}))
    used = {"credential": key.get(asked["options"])}
    alone = await desk.browser().post("/v1/operator/sessions/passkey", json=used)
    assert refused(alone) == (403, "studio_only")
    forgot = {"address": sam.address, "tenant": desk.tenant.slug}
    assert (await desk.browser().post("/v1/operator/password/forgot", json=forgot)).is_success
    async with desk.house.db.begin(desk.tenant.schema) as tx:
        tickets = await tx.driver.fetchval(
            "SELECT count(*) FROM identity_operator_ticket WHERE operator_id = $1", sam.id
        )
    assert tickets == 0, "no link to a new password was mailed"
    # Nor does another operator get the same account.
    tom = await desk.hire("support")
    url = done(await tom.http.post("/v1/operator/studio/link"))["url"]
    assert await desk.return_of(tom.http, url, ann) == {"problem": "identity_in_use"}


async def test_who_is_suspended_or_removed_stays_out_and_may_be_invited_and_link(
    desk: Desk, olga: Person, ann: str
) -> None:
    _, me = await desk.came(ann)
    at = f"/v1/operators/{me['operator']['id']}"
    done(await olga.agreed.post(f"{at}/suspend"))
    assert await desk.come(desk.browser(), ann) == {"problem": "operator_suspended"}
    done(await olga.agreed.delete(at))
    assert await desk.come(desk.browser(), ann) == {"problem": "operator_suspended"}
    back = await desk.hire("analyst")
    url = done(await back.http.post("/v1/operator/studio/link"))["url"]
    assert await desk.return_of(back.http, url, ann) == {}
    _, again = await desk.came(ann)
    assert again["operator"]["id"] == back.id


async def test_somebody_stays_owner_whatever_the_groups_say(house: House) -> None:
    async with open_desk(house, "studio-owned") as desk:
        olga = await desk.hire("owner")
        owners = [*SUPPORT, {"group": "bosses", "roles": ["owner"]}]
        await desk.set_up(olga, groups=owners, **MFA)
        desk.server.tell("olga", groups=["helpers"], amr=["mfa"])
        url = done(await olga.http.post("/v1/operator/studio/link"))["url"]
        assert await desk.return_of(olga.http, url, "olga") == {"problem": "last_owner"}
        desk.server.tell("olga", groups=["bosses"], amr=["mfa"])
        url = done(await olga.http.post("/v1/operator/studio/link"))["url"]
        assert await desk.return_of(olga.http, url, "olga") == {}
        desk.server.tell("olga", groups=["helpers"], amr=["mfa"])
        _, me = await desk.came("olga")
        assert me["operator"]["roles"] == ["owner", "support"]


async def test_a_sign_in_is_fresh_only_when_the_issuer_asked_of_late(
    desk: Desk, olga: Person, ann: str
) -> None:
    await desk.set_up(olga, groups=[{"group": "helpers", "roles": ["developer"]}], **MFA)
    silent, _ = await desk.came(ann)
    key = {"name": "k", "scopes": ["players:read"]}
    assert refused(await silent.post("/v1/keys", json=key)) == (403, "step_up_required")
    asked, _ = await desk.came(ann, anew=True)
    done(await asked.post("/v1/keys", json=key))
    desk.clock.advance(timedelta(minutes=11))
    assert refused(await asked.post("/v1/keys", json=key)) == (403, "step_up_required")


async def test_a_journey_is_good_once_and_in_its_own_browser(
    desk: Desk, olga: Person, ann: str
) -> None:
    browser, thief = desk.browser(), desk.browser()
    url = await desk.leave(browser)
    said = dict(parse_qsl(urlsplit(url).query))
    assert said["redirect_uri"] == f"{HOME}{desk.callback}"
    assert said["code_challenge_method"] == "S256"
    assert said["nonce"]
    back = await asyncio.to_thread(desk.server.sign_in, url, ann)
    bad = {"problem": "bad_state"}
    assert desk.landed(await thief.get(desk.callback, params=back)) == bad
    assert desk.landed(await browser.get(desk.callback, params=back)) == bad, "it is used up"
    other = await desk.house.tenant(f"studio-other-{next(_names)}")
    back = await asyncio.to_thread(desk.server.sign_in, await desk.leave(browser), ann)
    for plane in (other.id, "deployment", "nobody"):
        crossed = await browser.get(f"/v1/operator/studio/callback/{plane}", params=back)
        assert desk.landed(crossed) == bad, plane
    assert desk.landed(await browser.get(desk.callback, params=back)) == {}


async def test_it_begins_at_the_deployments_own_address_alone(desk: Desk, olga: Person) -> None:
    browser = desk.browser()
    browser.headers["host"] = "127.0.0.1"
    body = {"tenant": desk.tenant.slug}
    answer = await browser.post("/v1/operator/studio/begin", json=body)
    assert refused(answer) == (409, "studio_elsewhere")


async def test_the_secret_is_never_shown_and_goes_with_issuer_or_client(
    desk: Desk, olga: Person
) -> None:
    assert SECRET not in (await olga.http.get(SET_UP)).text
    shown = done(await olga.http.get(SET_UP))
    assert shown["clientSecretSet"]
    assert shown["callbackUrl"] == f"{HOME}{desk.callback}"
    assert (await desk.set_up(olga, clientSecret=None))["clientSecretSet"]
    for change in ({"issuer": "https://evil.example"}, {"clientId": "other"}):
        told = await desk.set_up(olga, clientSecret=None, **change)
        assert not told["clientSecretSet"], change
        await desk.set_up(olga)
    wrong = {"issuer": "ftp://x.example", "clientId": "game", "groups": []}
    answer = await olga.http.put(SET_UP, json=wrong)
    assert refused(answer) == (422, "invalid_settings")
    assert answer.json()["field"] == "issuer"


async def test_nobody_maps_a_group_to_more_than_they_may_do(desk: Desk, olga: Person) -> None:
    adam = await desk.hire("admin")
    lacked = (403, "permission_not_held")
    base = {"issuer": desk.server.issuer, "clientId": "game"}
    owners = [{"group": "bosses", "roles": ["owner"]}]
    answer = await adam.http.put(SET_UP, json={**base, "groups": owners})
    assert refused(answer) == lacked
    assert answer.json()["field"] == "groups.0.roles.0"
    await desk.set_up(olga, groups=owners)
    # Nor does an admin change where those who become owners come from, or take them out.
    assert refused(await adam.http.put(SET_UP, json={**base, "groups": []})) == lacked
    deputy = f"deputy{next(_names)}"
    held = {"name": deputy, "permissions": ["staff-sign-in:write", "keys:read"]}
    done(await olga.agreed.post("/v1/roles", json=held))
    await desk.set_up(olga, groups=[])
    eve = await desk.hire(deputy)
    answer = await eve.http.put(SET_UP, json={**base, "groups": SUPPORT})
    assert refused(answer) == lacked
    own = [{"group": "g", "roles": [deputy]}]
    done(await eve.agreed.put(SET_UP, json={**base, "groups": own}))
    answer = await olga.agreed.delete(f"/v1/roles/{held['name']}")
    assert refused(answer) == (409, "role_in_use")


async def test_a_change_ends_what_was_begun_and_off_means_off(
    desk: Desk, olga: Person, ann: str
) -> None:
    browser, _ = await desk.came(ann)
    under_way = desk.browser()
    url = await desk.leave(under_way)
    await desk.set_up(olga, enabled=False, **MFA)
    assert refused(await browser.get("/v1/operator/me")) == (401, "session_ended")
    off = {"problem": "unknown_identity_provider"}
    assert await desk.return_of(under_way, url, ann) == off
    body = {"tenant": desk.tenant.slug}
    answer = await under_way.post("/v1/operator/studio/begin", json=body)
    assert refused(answer) == (422, "unknown_identity_provider")
