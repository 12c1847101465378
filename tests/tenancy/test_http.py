"""Operators keep tenants over HTTP with the deployment's key, and nobody else does."""

from tests.house import House


async def test_a_tenant_lives_from_creation_to_deletion(house: House) -> None:
    app = house.app()
    async with house.client(app, await house.key(None)) as operator:
        made = await operator.post(
            "/v1/tenants",
            json={"slug": "web-made", "name": "Web", "settings": {"spentCoins": "debt"}},
        )
        assert made.status_code == 201, made.text
        assert made.json()["settings"] == {"spentCoins": "debt", "corsOrigins": []}
        assert made.json()["state"] == "active"
        assert (await operator.get("/v1/tenants/web-made")).json() == made.json()
        suspended = await operator.post("/v1/tenants/web-made/suspend")
        assert (suspended.status_code, suspended.json()["state"]) == (200, "suspended")
        resumed = await operator.post("/v1/tenants/web-made/resume")
        assert resumed.json()["state"] == "active"
        wrong = await operator.post("/v1/tenants/web-made/delete", json={"confirm": "web-mad"})
        assert (wrong.status_code, wrong.json()["field"]) == (422, "confirm")
        gone = await operator.post("/v1/tenants/web-made/delete", json={"confirm": "web-made"})
        assert (gone.status_code, gone.json()["state"]) == (200, "deleted")
        assert "/" not in gone.json()["archive"]
        assert (await operator.get("/v1/tenants/web-made")).status_code == 404


async def test_pages_cover_every_tenant_once(house: House) -> None:
    for slug in ("page-a", "page-b", "page-c"):
        await house.tenant(slug)
    async with house.client(house.app(), await house.key(None)) as operator:
        seen: list[str] = []
        after: dict[str, str] = {}
        while True:
            page = (await operator.get("/v1/tenants", params={"limit": "2", **after})).json()
            seen += [tenant["slug"] for tenant in page["items"]]
            if page["next"] is None:
                break
            after = {"after": page["next"]}
    assert len(seen) == len(set(seen))
    assert {"page-a", "page-b", "page-c"} <= set(seen)


async def test_bad_tenants_are_refused_with_the_field_named(house: House) -> None:
    async with house.client(house.app(), await house.key(None)) as operator:
        for body, field in (
            ({"slug": "Bad-", "name": "x"}, "slug"),
            ({"slug": "www", "name": "x"}, "slug"),
            ({"slug": "good-one", "name": "a\u0000b"}, "name"),
            ({"slug": "good-one", "name": "x", "mode": "prod"}, "mode"),
            ({"slug": "good-one", "name": "x", "settings": {"spentCoins": "x"}}, "settings"),
            ({"slug": "good-one", "name": "x", "colour": "red"}, "colour"),
        ):
            answer = await operator.post("/v1/tenants", json=body)
            assert 400 <= answer.status_code < 500, answer.text
            assert answer.json()["field"].startswith(field), answer.text
        assert (await operator.get("/v1/tenants/good-one")).status_code == 404


async def test_a_tenants_own_key_cannot_keep_tenants(house: House) -> None:
    ref = await house.tenant("ambitious")
    async with house.client(house.app(), await house.key(ref, "keys:write")) as machine:
        for method, path in (
            ("GET", "/v1/tenants"),
            ("GET", "/v1/tenants/ambitious"),
            ("POST", "/v1/tenants/ambitious/suspend"),
        ):
            answer = await machine.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
