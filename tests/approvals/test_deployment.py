"""The deployment keeps approvals of its own, out of the tenants' sight."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.approvals.office import Office, decide, waits
from tests.staff import Person, hired
from tests.studio import City, done, refused

from guildbank.approvals.usecases.end import expire
from guildbank.infra.database import CONTROL_SCHEMA

RULE = {"verb": "roles.make"}


@pytest.fixture
async def roots(city: City, office: Office) -> AsyncIterator[Sequence[Person]]:
    """Two owners of the deployment."""
    pages = [city.client() for _ in range(2)]
    yield [await hired(city.services.identity, page, None, "owner") for page in pages]
    for page in pages:
        await page.aclose()
    async with city.services.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute("DELETE FROM approvals_policy")


async def test_a_role_of_the_deployment_waits_for_its_second_owner(
    city: City, office: Office, roots: Sequence[Person]
) -> None:
    ruth, sven = roots
    done(await ruth.agreed.put("/v1/approval-policy", json={"rules": [RULE]}))
    body = {"name": "key-keeper", "permissions": ["keys:read"]}
    asked = waits(await ruth.http.post("/v1/roles", json=body))
    assert refused(await office.olga.http.get(f"/v1/approvals/{asked['id']}")) == (404, "not_found")
    assert refused(await decide(office.olga, asked)) == (404, "not_found")
    assert refused(await decide(ruth, asked)) == (403, "own_request")
    done(await decide(sven, asked))
    names = [one["name"] for one in done(await sven.http.get("/v1/roles"))["items"]]
    assert "key-keeper" in names
    gone = waits(await sven.http.delete("/v1/roles/key-keeper"))
    async with city.services.db.begin(CONTROL_SCHEMA) as tx:
        await tx.driver.execute("UPDATE approvals_request SET expires_at = now()")
    assert await expire(city.services.four_eyes, None) == 1
    assert refused(await decide(ruth, gone)) == (409, "approval_closed")
    # A tenant's policy is its own.
    done(await office.olga.agreed.post("/v1/roles", json=body | {"permissions": ["players:read"]}))


DELETE = {"verb": "tenants.delete"}


def archives(city: City) -> list[str]:
    folder = city.services.tenancy.archives
    return sorted(one.name for one in folder.iterdir()) if folder.exists() else []


async def test_nobody_deletes_a_tenant_alone(city: City, roots: Sequence[Person]) -> None:
    ruth, sven = roots
    done(await ruth.agreed.put("/v1/approval-policy", json={"rules": [DELETE]}))
    doomed, before = await city.studio(), archives(city)
    path = f"/v1/tenants/{doomed.ref.slug}"
    typed = {"confirm": doomed.ref.slug}
    wrong = await ruth.http.post(f"{path}/delete", json={"confirm": "another"})
    assert refused(wrong) == (422, "confirmation_mismatch")
    asked = waits(await ruth.http.post(f"{path}/delete", json=typed))
    assert asked["command"] == {"slug": doomed.ref.slug}
    assert waits(await ruth.http.post(f"{path}/delete", json=typed))["id"] == asked["id"]
    assert refused(await decide(ruth, asked)) == (403, "own_request")
    done(await sven.http.get(path))
    assert archives(city) == before, "a tenant that goes on was copied to a file"
    agreed = done(await decide(sven, asked))
    (made,) = set(archives(city)) - set(before)
    assert agreed["answer"] == {"slug": doomed.ref.slug, "archive": made, "state": "deleted"}
    assert refused(await sven.http.get(path)) == (404, "not_found")
    assert done(await decide(sven, asked))["state"] == "executed"
    await doomed.http.aclose()


async def test_two_who_agree_at_once_delete_a_tenant_once(
    city: City, roots: Sequence[Person]
) -> None:
    ruth, sven = roots
    done(await ruth.agreed.put("/v1/approval-policy", json={"rules": [DELETE]}))
    doomed, before = await city.studio(), archives(city)
    token = await city.key(None)
    machine = city.client(token)
    path = f"/v1/tenants/{doomed.ref.slug}/delete"
    asked = waits(await machine.post(path, json={"confirm": doomed.ref.slug}))
    answers = await asyncio.gather(decide(ruth, asked), decide(sven, asked))
    assert sorted(one.status_code for one in answers) == [200, 409]
    assert len(archives(city)) == len(before) + 1
    for http in (machine, doomed.http):
        await http.aclose()


async def test_the_deployment_makes_a_key_for_a_tenant_by_its_own_policy(
    city: City, office: Office, roots: Sequence[Person]
) -> None:
    ruth, sven = roots
    done(await ruth.agreed.put("/v1/approval-policy", json={"rules": [{"verb": "keys.create"}]}))
    wish = {"name": "made-above", "scopes": ["players:read"], "tenant": office.studio.ref.slug}
    asked = waits(await ruth.http.post("/v1/keys", json=wish))
    assert asked["command"]["tenant"] == office.studio.ref.slug
    done(await decide(sven, asked))
    made = done(await ruth.http.post(f"/v1/approvals/{asked['id']}/key"))
    server = city.client(made["token"])
    done(await server.get("/v1/players"))
    await server.aclose()
    # The tenant itself asks for nobody.
    done(await office.olga.http.post("/v1/keys", json={**wish, "tenant": None}))


async def test_each_plane_names_only_what_is_done_there(
    office: Office, roots: Sequence[Person]
) -> None:
    answer = await office.olga.http.put("/v1/approval-policy", json={"rules": [DELETE]})
    assert refused(answer) == (422, "invalid_value")
    ours = await roots[0].http.put(
        "/v1/approval-policy", json={"rules": [{"verb": "wallets.grant"}]}
    )
    assert refused(ours) == (422, "invalid_value")
    nameable = {
        one["verb"] for one in done(await roots[0].http.get("/v1/approval-policy"))["approvable"]
    }
    assert "tenants.delete" in nameable
    assert "wallets.grant" not in nameable
