"""What an operator may do is what their roles permit, in their own tenant, from their own page."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import httpx
import pytest
from tests.attacks.call import OWN_SETTINGS
from tests.attacks.estate import send, settle
from tests.attacks.table import (
    EMPTY_FOR_OTHERS,
    NAMES_NOTHING,
    OF_THE_DEPLOYMENT,
    OUTCOME_FOR_EACH,
    Objects,
    Route,
)
from tests.attacks.test_credentials import FORBIDDEN, UNAUTHORIZED, all_are, tried
from tests.staff import Person, hired
from tests.studio import City, Studio, done, refused

from guildbank.identity import mint_player_token
from guildbank.kernel import Refusal

ANY_WORD = {"GET /v1/currencies/{code}", "PATCH /v1/currencies/{code}", "POST /v1/currencies"}
"""A code is a word, and each tenant means its own currency by it."""
OWN_LISTS = {"GET /v1/operators", "GET /v1/operator-invitations", "GET /v1/roles"}
OF_WORDS = {"POST /v1/operator-invitations", "POST /v1/roles", "PUT /v1/roles/{name}",
            "DELETE /v1/roles/{name}"}  # fmt: skip
"""What names no object that another tenant could own."""
CSRF = (403, "csrf_refused")


@pytest.fixture(scope="module")
def staffed(guarded: Sequence[Route], peopled: Sequence[Route]) -> Sequence[Route]:
    """Every route that an operator may call by a permission."""
    return [route for route in (*guarded, *peopled) if not route.machines]


@pytest.fixture(scope="module")
async def olga(city: City, castle: Studio) -> AsyncIterator[Person]:
    """An owner of the victim's tenant, who made a role and invited somebody."""
    async with await browser(city, castle) as http:
        yield await hired(city.services.identity, http, castle.ref, "owner", name="olga")


@pytest.fixture(scope="module")
async def estate(olga: Person, victim: Objects, city: City, castle: Studio) -> Objects:
    """The victim's objects with those of its staff."""
    night = {"name": "night-shift", "permissions": ["players:read"]}
    done(await olga.agreed.post("/v1/roles", json=night))
    body = {"address": "guest@staff.example", "roles": ["night-shift"]}
    done(await olga.agreed.post("/v1/operator-invitations", json=body))
    (invitation,) = done(await olga.http.get("/v1/operator-invitations"))["items"]
    async with await browser(city, castle) as http:
        sam = await hired(city.services.identity, http, castle.ref, "support", name="sam")
    return replace(victim, operator=sam.id, invitation=invitation["id"])


@pytest.fixture(scope="module")
async def clerk(city: City, castle: Studio, estate: Objects) -> AsyncIterator[Person]:
    """Somebody whose one role is whatever a test makes it."""
    await permit(castle, "clerk", ["players:read"])
    async with await browser(city, castle) as http:
        yield await hired(city.services.identity, http, castle.ref, "clerk", name="clerk")


@pytest.fixture(scope="module")
async def raider(city: City, intruder: Studio) -> AsyncIterator[Person]:
    """An owner of the tenant next door."""
    async with await browser(city, intruder) as http:
        yield await hired(city.services.identity, http, intruder.ref, "owner", name="raider")


@pytest.fixture(scope="module")
async def root(city: City) -> AsyncIterator[Person]:
    """An owner of the deployment."""
    async with city.client() as http:
        yield await hired(city.services.identity, http, None, "owner", name="root")


async def browser(city: City, studio: Studio) -> httpx.AsyncClient:
    return city.client(**{"x-guildbank-key": await city.key(studio.ref, kind="publishable")})


async def permit(studio: Studio, role: str, permissions: Sequence[str]) -> None:
    await studio.sql(
        "INSERT INTO identity_role VALUES ($1, $2, now(), now()) "
        "ON CONFLICT (name) DO UPDATE SET permissions = EXCLUDED.permissions",
        role,
        list(permissions),
    )


async def age(studio: Studio, who: Person) -> None:
    """Let the proof of a session be eleven minutes old."""
    await studio.sql(
        "UPDATE identity_operator_session SET fresh_at = fresh_at - interval '11 minutes' "
        "WHERE operator_id = $1",
        who.id,
    )


def known(city: City) -> list[str]:
    return list(city.services.identity.staff.permissions.tenant)


async def test_nobody_without_a_session_reaches_what_is_for_people(
    city: City,
    castle: Studio,
    peopled: Sequence[Route],
    own_staff: Sequence[Route],
    victim: Objects,
) -> None:
    routes = [*peopled, *own_staff]
    assert len(routes) >= 20
    all_are(UNAUTHORIZED, await tried(city.client(), routes, victim))
    all_are(FORBIDDEN, await tried(city.client(victim.token), routes, victim))
    all_are(FORBIDDEN, await tried(city.client(await city.key(None)), routes, victim))
    minted = await mint_player_token(city.services.identity, castle.ref, victim.player)
    assert not isinstance(minted, Refusal)
    all_are(FORBIDDEN, await tried(city.client(minted.token), routes, victim))


@pytest.mark.parametrize(
    "cookie",
    [
        "guildbank=",
        "guildbank=deployment.",
        "guildbank=deployment.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "guildbank=ten_01kag3pyqmf9aag12vtrsy70ps.AAAA",
        "guildbank=' OR 1=1 --",
        f"guildbank={'A' * 4000}",
    ],
)
async def test_an_invented_cookie_opens_nothing(
    city: City, staffed: Sequence[Route], own_staff: Sequence[Route], victim: Objects, cookie: str
) -> None:
    routes = [*staffed, *own_staff]
    found = await tried(city.client(cookie=cookie), routes, victim)
    assert {how[0] for how in found.values()} == {401}, found


async def test_an_operator_without_the_permission_is_refused_everywhere(
    city: City, castle: Studio, clerk: Person, staffed: Sequence[Route], estate: Objects
) -> None:
    before = await castle.entries()
    for route in staffed:
        await permit(castle, "clerk", [name for name in known(city) if name != route.scope])
        answer = await send(clerk.http, route, estate)
        assert refused(answer) == FORBIDDEN, (route.name, answer.text)
    assert await castle.entries() == before


async def test_an_operator_with_the_permission_alone_is_let_in(
    city: City, staffed: Sequence[Route]
) -> None:
    keep = await city.studio("keep")
    objects = await settle(keep)
    await permit(keep, "clerk", ["players:read"])
    async with await browser(city, keep) as http:
        clerk = await hired(city.services.identity, http, keep.ref, "clerk", name="keeper")
        for route in staffed:
            if route.scope == OF_THE_DEPLOYMENT or route.name in OUTCOME_FOR_EACH:
                continue
            await permit(keep, "clerk", [str(route.scope)])
            answer = await send(clerk.http, route, objects)
            outcome = refused(answer) if answer.status_code >= 400 else (answer.status_code, "")
            assert outcome not in (UNAUTHORIZED, FORBIDDEN), (route.name, answer.text)
            assert answer.status_code < 500, (route.name, answer.text)
    await keep.http.aclose()


async def test_an_owner_of_a_tenant_opens_nothing_of_the_deployment(
    olga: Person, guarded: Sequence[Route], estate: Objects
) -> None:
    own = [route for route in guarded if route.scope == OF_THE_DEPLOYMENT]
    for route in own:
        assert refused(await send(olga.http, route, estate)) == FORBIDDEN, route.name


async def test_who_runs_the_deployment_opens_no_tenant(
    root: Person, staffed: Sequence[Route], estate: Objects, castle: Studio
) -> None:
    before = await castle.entries()
    deployment = root.identity.staff.permissions.deployment
    inside = [route for route in staffed if route.scope not in deployment]
    assert len(inside) > 30
    for route in inside:
        assert refused(await send(root.http, route, estate)) == FORBIDDEN, route.name
    for route in staffed:
        if "{operator_id}" in route.path or "{invitation_id}" in route.path:
            assert refused(await send(root.http, route, estate)) == (404, "not_found"), route.name
    assert await castle.entries() == before


async def test_another_tenants_owner_finds_none_of_our_objects(
    castle: Studio, olga: Person, raider: Person, staffed: Sequence[Route], estate: Objects
) -> None:
    before = await castle.entries()
    special = (
        NAMES_NOTHING
        | EMPTY_FOR_OTHERS
        | OUTCOME_FOR_EACH
        | ANY_WORD
        | OWN_LISTS
        | OF_WORDS
        | OWN_SETTINGS
    )
    inside = [
        route for route in staffed if route.scope != OF_THE_DEPLOYMENT and route.name not in special
    ]
    assert len(inside) >= 34
    found = {route.name: await send(raider.http, route, estate) for route in inside}
    assert {name: how.text for name, how in found.items() if how.status_code != 404} == {}
    for name in sorted(OWN_LISTS):
        listed = (await raider.http.get(name.split()[1])).text
        for ours in (estate.operator, estate.invitation, "night-shift", olga.address):
            assert ours not in listed, name
    assert await castle.entries() == before


async def test_a_cookie_is_good_in_its_own_tenant_alone(
    city: City, castle: Studio, intruder: Studio, olga: Person, root: Person
) -> None:
    ours = {"cookie": f"guildbank={olga.http.cookies['guildbank']}"}
    mismatch = (401, "tenant_mismatch")
    theirs = await city.key(intruder.ref, kind="publishable")
    async with city.client(**ours, **{"x-guildbank-key": theirs}) as client:
        assert refused(await client.get("/v1/players")) == mismatch
    async with city.client(**ours, host="nowhere.example") as client:
        assert refused(await client.get("/v1/players")) == (404, "not_found")
    secret = olga.http.cookies["guildbank"].split(".")[1]
    for plane in (intruder.ref.id, "deployment"):
        async with city.client(cookie=f"guildbank={plane}.{secret}") as client:
            assert refused(await client.get("/v1/operator/me")) == (401, "session_ended")
    deployment = {"cookie": f"guildbank={root.http.cookies['guildbank']}"}
    key = await city.key(castle.ref, kind="publishable")
    async with city.client(**deployment, **{"x-guildbank-key": key}) as client:
        assert refused(await client.get("/v1/tenants")) == mismatch


async def test_no_unsafe_call_is_made_without_the_sessions_own_token(
    city: City,
    castle: Studio,
    olga: Person,
    raider: Person,
    staffed: Sequence[Route],
    own_staff: Sequence[Route],
    estate: Objects,
) -> None:
    unsafe = [route for route in [*staffed, *own_staff] if route.method != "GET"]
    assert len(unsafe) > 40
    before = await castle.entries()
    cookie = {"cookie": f"guildbank={olga.http.cookies['guildbank']}"}
    own = olga.http.headers["x-csrf-token"]
    for headers in (
        {},
        {"x-csrf-token": ""},
        {"x-csrf-token": raider.http.headers["x-csrf-token"]},
        {"x-csrf-token": own[:-1]},
        {"x-csrf-token": own, "origin": "https://evil.example"},
        {"x-csrf-token": own, "origin": "null"},
        {"x-csrf-token": own, "sec-fetch-site": "cross-site"},
        {"x-csrf-token": own, "sec-fetch-site": "same-site"},
    ):
        all_are(CSRF, await tried(city.client(**cookie, **headers), unsafe, estate))
    assert await castle.entries() == before
    async with city.client(**cookie, origin="http://localhost") as page:
        page.headers["x-csrf-token"] = own
        role = {"name": "by-page", "permissions": ["keys:read"]}
        assert (await page.post("/v1/roles", json=role)).is_success


async def test_the_token_of_before_a_step_up_is_worth_nothing(city: City, castle: Studio) -> None:
    async with await browser(city, castle) as http:
        ada = await hired(city.services.identity, http, castle.ref, "admin", name="ada")
        old, cookie = http.headers["x-csrf-token"], http.cookies["guildbank"]
        up = {"password": ada.password, "code": ada.code(1)}
        ada.took(await http.post("/v1/operator/step-up", json=up))
        body = {"name": "by-old", "permissions": ["keys:read"]}
        answer = await http.post("/v1/roles", json=body, headers={"x-csrf-token": old})
        assert refused(answer) == CSRF
    async with city.client(cookie=f"guildbank={cookie}") as thief:
        assert refused(await thief.get("/v1/operator/me")) == (401, "session_ended")


async def test_no_page_of_elsewhere_signs_anybody_in(city: City, castle: Studio) -> None:
    async with await browser(city, castle) as page:
        for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            for path in ("sessions", "sessions/finish", "invitations/accept", "password/reset"):
                answer = await page.post(f"/v1/operator/{path}", json={}, headers=headers)
                assert refused(answer) == CSRF, path


async def test_a_session_that_was_planted_is_not_the_one_that_begins(
    city: City, castle: Studio
) -> None:
    planted = f"{castle.ref.id}.{'A' * 43}"
    async with await browser(city, castle) as http:
        http.cookies.set("guildbank", planted, domain="localhost.local", path="/")
        await hired(city.services.identity, http, castle.ref, "support", name="paul")
        given = [one.value for one in http.cookies.jar if one.name == "guildbank"]
        assert (len(given), planted in given) == (1, False)
    async with city.client(cookie=f"guildbank={planted}") as thief:
        assert refused(await thief.get("/v1/operator/me")) == (401, "session_ended")


async def test_what_is_dangerous_wants_a_fresh_proof(
    castle: Studio, clerk: Person, city: City, staffed: Sequence[Route], estate: Objects
) -> None:
    dangerous = ("keys:write", OF_THE_DEPLOYMENT, "operators:write", "roles:write",
                 "staff-sign-in:write", "approvals:write", "approval-policy:write",
                 "refund-policy:write", "payout-terms:write", "pipelines:publish")  # fmt: skip
    fresh = {route.name for route in staffed if route.fresh}
    more = {
        "POST /v1/players/{player_id}/erase",
        "POST /v1/players/{player_id}/clear-factors",
        "DELETE /v1/players/{player_id}/legal-holds/{hold_id}",
        "GET /v1/players/{player_id}/exports/{export_id}/file",
        "PUT /v1/hooks/{point}",
        "PUT /v1/identity-providers/{identity_provider_id}",
        "PUT /v1/return-urls",
        "PUT /v1/providers/{provider_id}",
        "POST /v1/postings",
        "POST /v1/operations:batch",
        "GET /v1/audit/file",
    }
    wanted = {one.name for one in staffed if one.scope in dangerous and one.method != "GET"}
    assert fresh == wanted | more
    await permit(castle, "clerk", known(city))
    await age(castle, clerk)
    for route in staffed:
        if route.fresh and route.scope != OF_THE_DEPLOYMENT:
            answer = await send(clerk.http, route, estate)
            assert refused(answer) == (403, "step_up_required"), route.name


async def test_nobody_gets_more_by_roles_of_ones_own(
    city: City, castle: Studio, olga: Person, estate: Objects
) -> None:
    """Not by making a role, changing one, giving one, inviting oneself or touching the mighty."""
    held = ["operators:read", "operators:write", "roles:write", "players:read"]
    await permit(castle, "deputy", held)
    lacked = (403, "permission_not_held")
    async with await browser(city, castle) as http:
        eve = await hired(city.services.identity, http, castle.ref, "deputy", name="eve")
        grow = {"permissions": [*held, "wallets:grant"]}
        assert refused(await http.post("/v1/roles", json={"name": "more", **grow})) == lacked
        assert refused(await http.put("/v1/roles/deputy", json=grow)) == lacked
        await permit(castle, "strong", ["wallets:grant"])
        weaken = {"permissions": ["players:read"]}
        assert refused(await http.put("/v1/roles/strong", json=weaken)) == lacked
        at = f"/v1/operators/{estate.operator}"
        for role in ("owner", "admin", "strong"):
            given = await http.put(f"{at}/roles", json={"roles": [role]})
            assert refused(given) == lacked, role
            invited = {"address": "friend@staff.example", "roles": [role]}
            assert refused(await http.post("/v1/operator-invitations", json=invited)) == lacked
        own = await http.put(f"/v1/operators/{eve.id}/roles", json={"roles": ["deputy"]})
        assert refused(own) == (409, "not_oneself")
        for mighty in (olga.id, estate.operator):
            assert refused(await http.post(f"/v1/operators/{mighty}/suspend")) == lacked
            assert refused(await http.delete(f"/v1/operators/{mighty}")) == lacked
        me = done(await http.get("/v1/operator/me"))
        assert me["permissions"] == sorted(held)
        key = await http.post("/v1/keys", json={"name": "k", "scopes": ["wallets:grant"]})
        assert refused(key) == FORBIDDEN


async def test_an_admin_makes_no_owner_and_touches_none(
    city: City, castle: Studio, olga: Person, estate: Objects
) -> None:
    lacked = (403, "permission_not_held")
    async with await browser(city, castle) as http:
        await hired(city.services.identity, http, castle.ref, "admin", name="adam")
        to_owner = {"roles": ["owner"]}
        path = f"/v1/operators/{estate.operator}/roles"
        assert refused(await http.put(path, json=to_owner)) == lacked
        body = {"address": "adams-friend@staff.example", **to_owner}
        assert refused(await http.post("/v1/operator-invitations", json=body)) == lacked
        for path in ("suspend", "reinstate"):
            assert refused(await http.post(f"/v1/operators/{olga.id}/{path}")) == lacked


async def test_nothing_here_is_kept_that_opens_anything(castle: Studio, olga: Person) -> None:
    """Who reads the whole schema finds no cookie, no code and no app's secret in it."""
    tables = await castle.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace "
        "AND relkind = 'r' AND relname LIKE 'identity_operator%'",
        castle.ref.schema,
    )
    assert len(tables) == 11
    for (table,) in tables:
        text = str(await castle.sql(f'SELECT t::text FROM "{table}" AS t'))
        secret = olga.http.cookies["guildbank"].split(".")[1]
        for one in (secret, olga.secret, olga.password, olga.codes[0].replace("-", "")):
            assert one not in text, table
            assert one.encode().hex() not in text, table
