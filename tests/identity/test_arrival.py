"""A page of operators learns what a link is for, and how people come in here, before they do."""

import httpx
from tests.house import House
from tests.staff import PASSWORD, mailed_token, staff_of
from tests.studio import done, refused

from guildbank.identity.usecases.operators.invite import make_link
from guildbank.tenancy import TenantRef

LINKS = "/v1/operator/links"


async def test_a_link_tells_whom_it_is_for_until_it_is_used(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    olga = await staff_of(house, guild, "owner")
    body = {"address": "new@staff.example", "roles": ["support"]}
    done(await olga.agreed.post("/v1/operator-invitations", json=body))
    token = await mailed_token(house.identity, guild, "identity.operator_invitation")
    for _ in range(2):
        seen = done(await browser.post(LINKS, json={"token": token, "opens": "invitation"}))
    assert (seen["tenant"], seen["address"]) == (guild.slug, "new@staff.example")
    assert seen["roles"] == ["support"]
    crossed = await browser.post(LINKS, json={"token": token, "opens": "reset"})
    assert refused(crossed) == (410, "reset_ended")
    accept = {"token": token, "name": "N", "password": PASSWORD}
    done(await browser.post("/v1/operator/invitations/accept", json=accept))
    used = await browser.post(LINKS, json={"token": token, "opens": "invitation"})
    assert refused(used) == (410, "invitation_ended")
    done_with = await browser.post("/v1/operator/password/forgot", json={"address": olga.address})
    assert done_with.status_code == 204
    token = await mailed_token(house.identity, guild, "identity.operator_reset")
    seen = done(await browser.post(LINKS, json={"token": token, "opens": "reset"}))
    assert seen["address"] == olga.address


async def test_the_first_owners_link_says_so_once_there_is_an_owner(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    link = await make_link(house.identity, await house.identity.staff.plane(guild),
                           "first_owner", ["owner"])  # fmt: skip
    body = {"token": str(link).split("#token=")[1], "opens": "invitation"}
    assert done(await browser.post(LINKS, json=body))["address"] is None
    await staff_of(house, guild, "owner")
    assert refused(await browser.post(LINKS, json=body)) == (410, "invitation_ended")


async def test_the_ways_in_of_a_tenant_and_of_the_deployment(
    house: House, guild: TenantRef, browser: httpx.AsyncClient
) -> None:
    ways = "/v1/operator/ways"
    expected = {"url": "http://127.0.0.1:8080", "passkeyHost": "localhost", "studio": False}
    assert done(await browser.get(ways)) == {"tenant": guild.slug, **expected}
    async with house.client(house.app()) as anywhere:
        named = {"tenant": guild.slug}
        assert done(await anywhere.get(ways, params=named)) == {"tenant": guild.slug, **expected}
        root = done(await anywhere.get(ways, params={"deployment": "true"}))
        assert root == {"tenant": None, **expected}
        assert refused(await anywhere.get(ways)) == (400, "tenant_required")
        unknown = await anywhere.get(ways, params={"tenant": "nobody"})
        assert refused(unknown) == (404, "not_found")
    # What host and key say, no word in the body changes.
    other = await browser.get(ways, params={"tenant": "nobody"})
    assert refused(other) == (401, "tenant_mismatch")
