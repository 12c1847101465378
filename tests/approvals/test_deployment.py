"""The deployment keeps approvals of its own, out of the tenants' sight."""

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
    done(await ruth.http.put("/v1/approval-policy", json={"rules": [RULE]}))
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
    done(await office.olga.http.post("/v1/roles", json=body | {"permissions": ["players:read"]}))
