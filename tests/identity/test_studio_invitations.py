"""Who is invited to come in by the studio accepts by signing in there, and never has a password."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import httpx
import pytest
from tests.house import House
from tests.identity.desk import MFA, SUPPORT, Desk, open_desk
from tests.staff import PASSWORD, Person, mail_to, mailed_token
from tests.studio import done, refused

ACCEPT = "/v1/operator/invitations/accept"
SKATERS = {"groups": ["skaters"], "amr": ["pwd", "mfa"]}
_names = count(1)


@pytest.fixture(scope="module")
async def desk(house: House) -> AsyncIterator[Desk]:
    async with open_desk(house, "studio-invites") as opened:
        yield opened


@pytest.fixture
async def olga(desk: Desk) -> Person:
    """An owner, with the issuer set up as each test begins, and the clock at the machine's time."""
    desk.clock.advance(datetime.now(UTC) - desk.clock.now())
    owner = await desk.hire("owner")
    await desk.set_up(owner, **MFA)
    return owner


@pytest.fixture
def nina(desk: Desk) -> str:
    """Somebody at the studio of whose groups none has a role here."""
    name = f"nina{next(_names)}"
    desk.server.tell(name, **SKATERS)
    return name


async def comes_in_by(owner: Person, address: object) -> str:
    items = done(await owner.http.get("/v1/operator-invitations"))["items"]
    (found,) = [one["comesInBy"] for one in items if one["address"] == address]
    return str(found)


async def invited(desk: Desk, owner: Person, name: str, *roles: str) -> str:
    """Invite who has this name at the studio; return the mailed token."""
    given = list(roles) or ["analyst"]
    body = {"address": f"{name}@example.com", "roles": given, "comesInBy": "studio"}
    done(await owner.agreed.post("/v1/operator-invitations", json=body))
    assert await comes_in_by(owner, body["address"]) == "studio"
    return await mailed_token(desk.identity, desk.tenant, "identity.operator_invitation")


async def accepts(desk: Desk, browser: httpx.AsyncClient, token: str, name: str) -> dict[str, str]:
    """Press the page's button and sign in at the issuer; return what the page is told."""
    url = done(await browser.post(f"{ACCEPT}/studio", json={"token": token}))["url"]
    return await desk.return_of(browser, url, name)


async def me_of(browser: httpx.AsyncClient) -> dict[str, Any]:
    return done(await browser.get("/v1/operator/me"))


async def test_the_link_and_a_sign_in_there_make_an_operator_without_a_password(
    desk: Desk, olga: Person, nina: str
) -> None:
    token, browser = await invited(desk, olga, nina), desk.browser()
    seen = {"token": token, "opens": "invitation"}
    assert done(await browser.post("/v1/operator/links", json=seen))["comesInBy"] == "studio"
    assert await accepts(desk, browser, token, nina) == {}
    me = await me_of(browser)
    assert me["operator"]["address"] == f"{nina}@example.com"
    assert me["operator"]["name"] == f"The {nina}"
    assert (me["operator"]["roles"], me["studio"]) == (["analyst"], True)
    body = {"address": f"{nina}@example.com", "password": PASSWORD, "tenant": desk.tenant.slug}
    signed_in = await desk.browser().post("/v1/operator/sessions", json=body)
    assert refused(signed_in) == (401, "login_failed")
    # The link is used up, and who they are there is who they are here.
    assert refused(await browser.post(f"{ACCEPT}/studio", json={"token": token}))[0] == 410
    _, again = await desk.came(nina)
    assert again["operator"]["id"] == me["operator"]["id"]
    assert again["operator"]["roles"] == ["analyst"], "no group of theirs has a role here"


async def test_nobody_sets_a_password_by_such_a_link(desk: Desk, olga: Person, nina: str) -> None:
    token = await invited(desk, olga, nina)
    typed = {"token": token, "name": "Nina", "password": PASSWORD}
    assert refused(await desk.browser().post(ACCEPT, json=typed)) == (403, "studio_only")
    assert await accepts(desk, desk.browser(), token, nina) == {}, "a refusal leaves it good"


async def test_a_link_for_a_password_is_not_accepted_by_the_studio(
    desk: Desk, olga: Person, nina: str
) -> None:
    body = {"address": f"{nina}@example.com", "roles": ["analyst"]}
    done(await olga.agreed.post("/v1/operator-invitations", json=body))
    assert await comes_in_by(olga, body["address"]) == "password"
    token = await mailed_token(desk.identity, desk.tenant, "identity.operator_invitation")
    answer = await desk.browser().post(f"{ACCEPT}/studio", json={"token": token})
    assert refused(answer) == (422, "invalid_value")
    assert await desk.come(desk.browser(), nina) == {"problem": "no_group"}


async def test_the_address_alone_opens_nothing_without_the_link(
    desk: Desk, olga: Person, nina: str
) -> None:
    await invited(desk, olga, nina)
    assert await desk.come(desk.browser(), nina) == {"problem": "no_group"}


async def test_who_has_the_link_must_be_who_was_invited(
    desk: Desk, olga: Person, nina: str
) -> None:
    token = await invited(desk, olga, nina)
    # Whoever found the mail and works at the studio too.
    desk.server.tell("finder", **SKATERS)
    told = await accepts(desk, desk.browser(), token, "finder")
    assert told == {"problem": "studio_other_address"}
    for word in (False, None, "no"):
        desk.server.tell("claimer", email=f"{nina}@example.com", email_verified=word, **SKATERS)
        told = await accepts(desk, desk.browser(), token, "claimer")
        assert told == {"problem": "studio_no_address"}, word
    listed = done(await olga.http.get("/v1/operators", params={"limit": 200}))["items"]
    assert f"{nina}@example.com" not in [one["address"] for one in listed]
    # The writing of an address is not what tells people apart.
    desk.server.tell(nina, email=f"{nina.upper()}@EXAMPLE.com", **SKATERS)
    assert await accepts(desk, desk.browser(), token, nina) == {}


async def test_who_is_an_operator_already_accepts_no_second_account(
    desk: Desk, olga: Person, nina: str
) -> None:
    assert await accepts(desk, desk.browser(), await invited(desk, olga, nina), nina) == {}
    other = f"{nina}-too"
    token = await invited(desk, olga, other)
    desk.server.tell(nina, email=f"{other}@example.com", **SKATERS)
    told = await accepts(desk, desk.browser(), token, nina)
    assert told == {"problem": "identity_in_use"}


async def test_a_journey_that_a_withdrawal_or_another_browser_overtakes_makes_nobody(
    desk: Desk, olga: Person, nina: str
) -> None:
    token, browser = await invited(desk, olga, nina), desk.browser()
    body = {"token": token}
    url = done(await browser.post(f"{ACCEPT}/studio", json=body))["url"]
    back = await asyncio.to_thread(desk.server.sign_in, url, nina)
    stolen = await desk.browser().get(desk.callback, params=back)
    assert desk.landed(stolen) == {"problem": "bad_state"}
    url = done(await browser.post(f"{ACCEPT}/studio", json=body))["url"]
    (at,) = [
        one["id"]
        for one in done(await olga.http.get("/v1/operator-invitations"))["items"]
        if one["address"] == f"{nina}@example.com"
    ]
    assert (await olga.agreed.delete(f"/v1/operator-invitations/{at}")).is_success
    assert await desk.return_of(browser, url, nina) == {"problem": "invitation_ended"}
    assert refused(await browser.get("/v1/operator/me"))[0] == 401


async def test_of_two_who_accept_at_once_one_does(desk: Desk, olga: Person, nina: str) -> None:
    token = await invited(desk, olga, nina)
    browsers = [desk.browser(), desk.browser()]
    backs = []
    for browser in browsers:
        url = done(await browser.post(f"{ACCEPT}/studio", json={"token": token}))["url"]
        backs.append(await asyncio.to_thread(desk.server.sign_in, url, nina))
    answers = await asyncio.gather(
        *(one.get(desk.callback, params=back) for one, back in zip(browsers, backs, strict=True))
    )
    told = sorted(desk.landed(answer).get("problem", "") for answer in answers)
    assert told == ["", "invitation_ended"]


async def test_roles_of_groups_take_the_place_of_the_invitations(
    desk: Desk, olga: Person, nina: str
) -> None:
    desk.server.tell(nina, groups=["helpers"], amr=["mfa"])
    token, browser = await invited(desk, olga, nina, "finance"), desk.browser()
    assert await accepts(desk, browser, token, nina) == {}
    assert (await me_of(browser))["operator"]["roles"] == ["support"]
    # From then on leaving the groups is leaving.
    desk.server.tell(nina, **SKATERS)
    assert await desk.come(desk.browser(), nina) == {"problem": "no_group"}


async def test_roles_of_an_invitation_stay_until_a_group_gives_some(
    desk: Desk, olga: Person, nina: str
) -> None:
    await desk.set_up(olga, groups=[], **MFA)
    assert await accepts(desk, desk.browser(), await invited(desk, olga, nina), nina) == {}
    browser, me = await desk.came(nina)
    path = f"/v1/operators/{me['operator']['id']}/roles"
    await refresh_clock_of(desk, olga)
    done(await olga.agreed.put(path, json={"roles": ["finance"]}))
    assert refused(await browser.get("/v1/operator/me")) == (401, "session_ended")
    _, me = await desk.came(nina)
    assert me["operator"]["roles"] == ["finance"], "people change them as anybody's"
    await desk.set_up(olga, groups=[*SUPPORT, {"group": "skaters", "roles": ["analyst"]}], **MFA)
    _, me = await desk.came(nina)
    assert me["operator"]["roles"] == ["analyst"]
    desk.server.tell(nina, groups=[], amr=["mfa"])
    assert await desk.come(desk.browser(), nina) == {"problem": "no_group"}


async def refresh_clock_of(desk: Desk, person: Person) -> None:
    """Let who set much up since prove anew who they are."""
    desk.clock.advance(timedelta(seconds=60))
    await person.come_in()


async def test_our_second_factor_is_asked_for_as_of_everybody(
    desk: Desk, olga: Person, nina: str
) -> None:
    desk.server.tell(nina, groups=["skaters"], amr=["pwd"])
    token = await invited(desk, olga, nina)
    person = Person(desk.identity, desk.tenant, desk.browser(), f"{nina}@example.com")
    told = await accepts(desk, person.http, token, nina)
    assert (told["step"], told["methods"]) == ("enrol", "totp passkey")
    assert refused(await person.http.get("/v1/operator/me"))[0] == 401
    me = await person.enrol(told["challenge"])
    assert me["operator"]["roles"] == ["analyst"]


async def test_nobody_is_invited_to_a_sign_in_that_is_off(desk: Desk, olga: Person) -> None:
    await desk.set_up(olga, enabled=False, **MFA)
    body = {"address": "off@example.com", "roles": ["analyst"], "comesInBy": "studio"}
    answer = await olga.agreed.post("/v1/operator-invitations", json=body)
    assert refused(answer) == (422, "unknown_identity_provider")
    assert answer.json()["field"] == "comesInBy"
    answer = await olga.agreed.post("/v1/operator-invitations", json={**body, "comesInBy": "post"})
    assert (refused(answer)[0], answer.json()["field"]) == (422, "comesInBy")


async def test_a_browser_that_is_new_and_a_link_are_told_of_by_mail(
    desk: Desk, olga: Person, nina: str
) -> None:
    browser = desk.browser()
    assert await accepts(desk, browser, await invited(desk, olga, nina), nina) == {}

    async def heard(address: str) -> list[str]:
        return [name for name, _ in await mail_to(desk.identity, desk.tenant, address)]

    assert await desk.come(browser, nina) == {}
    assert await heard(f"{nina}@example.com") == ["operator_invitation"]
    await desk.came(nina)
    assert await heard(f"{nina}@example.com") == ["operator_invitation", "operator_new_device"]
    sam = await desk.hire("support")
    desk.server.tell("sam", groups=["helpers"], amr=["mfa"])
    url = done(await sam.http.post("/v1/operator/studio/link"))["url"]
    assert await desk.return_of(sam.http, url, "sam") == {}
    assert await heard(sam.address) == ["operator_factor_added", "operator_linked"]
