"""A suspended tenant takes no writes by any route, and every read goes on."""

from collections.abc import AsyncIterator, Sequence

import pytest
from tests.attacks.doors import FOR_STRANGERS
from tests.attacks.estate import send, settle
from tests.attacks.table import OF_THE_DEPLOYMENT, Objects, Route
from tests.studio import City, Studio, done, refused

from guildbank.tenancy import resume_tenant, suspend_tenant

OUTSIDE = {
    "POST /v1/keys/{key_id}/rotate",
    "DELETE /v1/keys/{key_id}",
    "POST /v1/players/{player_id}/tokens",
    "POST /v1/pipelines/{purpose}/check",
    "POST /v1/pipelines/{purpose}/dry-run",
    "POST /v1/payments/quote",
}
"""What is not of the tenant's books and makes it safer or readable: keys live in the control plane
and can always be ended or replaced, a player's token is not stored and opens reads, and a check of
steps keeps nothing, nor does a quote."""
NOT_THERE = ("/v1/approvals/{approval_id}", "/v1/reconciliations/{run_id}")
"""Paths that begin so name an approval or a reconciliation, of which the estate has none."""


@pytest.fixture(scope="module")
async def sleeper(city: City) -> AsyncIterator[Studio]:
    studio = await city.studio("sleeper")
    yield studio
    await studio.http.aclose()


@pytest.fixture(scope="module")
async def asleep(city: City, sleeper: Studio) -> Objects:
    """A tenant that has one of everything, and is suspended."""
    objects = await settle(sleeper)
    await suspend_tenant(city.services.tenancy, sleeper.ref.slug)
    return objects


@pytest.fixture(scope="module")
def own(guarded: Sequence[Route]) -> Sequence[Route]:
    return [route for route in guarded if route.scope != OF_THE_DEPLOYMENT]


async def test_every_write_is_refused_and_nothing_changes(
    sleeper: Studio, asleep: Objects, own: Sequence[Route]
) -> None:
    before = await snapshot(sleeper)
    for route in own:
        if route.method == "GET" or route.name in OUTSIDE or route.path.startswith(NOT_THERE):
            continue
        answer = await send(sleeper.http, route, asleep)
        if route.name == "POST /v1/operations:batch":
            codes = [one["code"] for one in done(answer)["outcomes"]]
            assert codes == ["tenant_suspended"], answer.text
        else:
            assert refused(answer) == (403, "tenant_suspended"), (route.name, answer.text)
    assert await snapshot(sleeper) == before


async def test_every_read_goes_on(sleeper: Studio, asleep: Objects, own: Sequence[Route]) -> None:
    for route in own:
        if route.method == "GET" and not route.path.startswith(NOT_THERE):
            answer = await send(sleeper.http, route, asleep)
            assert answer.status_code == 200, (route.name, answer.text)


async def test_the_tenants_own_key_makes_no_keys(sleeper: Studio, asleep: Objects) -> None:
    before = done(await sleeper.http.get("/v1/keys"))["items"]
    for body in (
        {"name": "spare", "scopes": ["players:read"]},
        {"name": "spare", "scopes": ["players:read"], "tenant": sleeper.ref.slug},
        {"name": "client", "kind": "publishable"},
    ):
        answer = await sleeper.http.post("/v1/keys", json=body)
        assert refused(answer) == (403, "tenant_suspended"), answer.text
    after = done(await sleeper.http.get("/v1/keys"))["items"]
    assert [one["id"] for one in after] == [one["id"] for one in before]


async def test_keys_are_made_by_the_deployment_and_replaced_and_ended_by_the_tenant(
    city: City, sleeper: Studio, asleep: Objects
) -> None:
    async with city.client(await city.key(None)) as deployment:
        body = {"name": "spare", "scopes": ["players:read"], "tenant": sleeper.ref.slug}
        made = done(await deployment.post("/v1/keys", json=body))
    rotated = done(await sleeper.http.post(f"/v1/keys/{made['key']['id']}/rotate", json={}))
    async with city.client(rotated["token"]) as spare:
        done(await spare.get("/v1/players"))
    ended = await sleeper.http.delete(f"/v1/keys/{rotated['key']['id']}")
    assert ended.status_code == 204, ended.text


async def test_players_get_tokens_and_read(city: City, sleeper: Studio, asleep: Objects) -> None:
    minted = done(await sleeper.http.post(f"/v1/players/{asleep.player}/tokens"))
    async with city.client(minted["token"]) as player:
        done(await player.get(f"/v1/players/{asleep.player}/balances"))


async def test_an_answer_given_before_is_given_again(
    city: City, sleeper: Studio, asleep: Objects
) -> None:
    await resume_tenant(city.services.tenancy, sleeper.ref.slug)
    first = await sleeper.move("grant", asleep.player, 3, key="early")
    await suspend_tenant(city.services.tenancy, sleeper.ref.slug)
    again = await sleeper.move("grant", asleep.player, 3, key="early")
    assert again.content == first.content


async def snapshot(studio: Studio) -> dict[str, str]:
    """Return the tenant's whole schema, table by table."""
    tables = await studio.sql(
        "SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r' "
        "ORDER BY relname",
        studio.ref.schema,
    )
    found = {}
    for (table,) in tables:
        rows = await studio.sql(f'SELECT t::text FROM "{table}" AS t')
        found[table] = "\n".join(sorted(row[0] for row in rows))
    return found


OPEN_TO_STRANGERS = frozenset(
    f"POST {under}{path}" for path in ("/login", "/account/login") for under in ("", "/v1")
) | {
    "POST /v1/sessions/refresh",
    "POST /v1/sign-in/exchange",
    "POST /v1/sign-in/assertions",
    "POST /v1/sign-in/link-codes",
    "POST /v1/sign-in/link",
    "POST /v1/guests/sign-in",
    "POST /v1/sign-in/second-factor",
    "POST /v1/sign-in/second-factor/mail",
    "POST /v1/sign-in/second-factor/passkey",
    "POST /v1/sign-in/second-factor/totp",
    "POST /v1/sign-in/second-factor/totp/confirm",
    "POST /v1/sign-in/passkey/options",
    "POST /v1/sign-in/passkey",
}
"""Who signs in may read. Whoever is new by it is refused by the journal."""
OPEN_TO_PLAYERS = frozenset(
    {
        "POST /logout",
        "POST /v1/logout",
        "DELETE /v1/sessions/{session_id}",
        "POST /v1/sessions/end-others",
    }
)
"""To end a session is never refused."""


async def test_no_player_and_no_stranger_changes_anything(
    city: City, sleeper: Studio, asleep: Objects, table: Sequence[Route], owned: Sequence[Route]
) -> None:
    await resume_tenant(city.services.tenancy, sleeper.ref.slug)
    key = await city.key(sleeper.ref, kind="publishable")
    body = {"username": "sleepwalker", "password": "three lamps sing at dawn"}
    async with city.client(**{"x-guildbank-key": key}) as web:
        done(await web.post("/register", json=body))
        token = done(await web.post("/login", json=body))["token"]
        await suspend_tenant(city.services.tenancy, sleeper.ref.slug)
        before = await snapshot(sleeper)
        for route in table:
            strange = route.name in FOR_STRANGERS - OPEN_TO_STRANGERS
            if strange and route.method != "GET":
                answer = await web.request(route.method, route.at(asleep), json={})
                assert refused(answer) == (403, "tenant_suspended"), (route.name, answer.text)
        async with city.client(token) as player:
            for route in owned:
                if route.method == "GET" or route.name in OPEN_TO_PLAYERS:
                    continue
                answer = await player.request(route.method, route.at(asleep), json={})
                assert refused(answer) == (403, "tenant_suspended"), (route.name, answer.text)
        assert await snapshot(sleeper) == before
        # Who sleeps may still come in to look, and go.
        done(await web.post("/login", json=body))
        async with city.client(token) as player:
            done(await player.get("/profile"))
            assert (await player.post("/logout")).status_code == 204
