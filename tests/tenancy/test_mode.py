"""Whether a tenant deals in real money is said once, when it is made, and never changes."""

import pytest
from tests.house import House


@pytest.mark.parametrize(("mode", "other"), [("test", "live"), ("live", "test")])
async def test_no_call_changes_the_mode_of_a_tenant(house: House, mode: str, other: str) -> None:
    slug = f"stays-{mode}"
    async with house.client(house.app(), await house.key(None)) as operator:
        made = await operator.post("/v1/tenants", json={"slug": slug, "name": slug, "mode": mode})
        assert made.json()["mode"] == mode, made.text
        path = f"/v1/tenants/{slug}"
        named = {"name": "Other", "mode": other}
        for body in ({"mode": other}, named, {"settings": {"mode": other}}):
            refused = await operator.patch(path, json=body)
            assert (refused.status_code, refused.json()["field"][-4:]) == (422, "mode"), (
                refused.text
            )
        anew = {"slug": slug, "name": slug, "mode": other}
        again = await operator.post("/v1/tenants", json=anew)
        assert (again.status_code, again.json()["field"]) == (409, "slug"), again.text
        suspended = await operator.post(f"{path}/suspend", json={})
        assert suspended.is_success, suspended.text
        assert (await operator.post(f"{path}/resume", json={})).is_success
        after = (await operator.get(path)).json()
    assert (after["mode"], after["name"], after["state"]) == (mode, slug, "active")
