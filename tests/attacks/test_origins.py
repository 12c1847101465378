"""Pages in browsers call for the tenants that list them, and read nothing of any other."""

from collections.abc import AsyncIterator
from functools import partial

import httpx
import pytest
from msgspec.structs import replace
from tests.studio import City, Studio, done, refused

from guildbank.identity import create_key, mint_player_token
from guildbank.kernel import Refusal
from guildbank.tenancy import change_tenant

OURS, THEIRS, STRANGE = "https://castle.example", "https://raiders.example", "https://evil.example"
ORIGIN, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"


@pytest.fixture(scope="module", autouse=True)
async def _listed(city: City, castle: Studio, intruder: Studio) -> None:
    for studio, origin in ((castle, OURS), (intruder, THEIRS)):
        both = (origin, "http://localhost:5173")
        kept = await change_tenant(
            city.services.tenancy, studio.ref.slug, partial(replace, cors_origins=both)
        )
        assert not isinstance(kept, Refusal), kept


def listed(origins: list[str]) -> dict[str, object]:
    return {"settings": {"corsOrigins": origins}}


@pytest.fixture
async def browser(city: City) -> AsyncIterator[httpx.AsyncClient]:
    async with city.client() as client:
        yield client


async def preflight(browser: httpx.AsyncClient, origin: str, **headers: str) -> httpx.Response:
    return await browser.options(
        "/v1/players",
        headers={
            "origin": origin,
            "access-control-request-method": "GET",
            "access-control-request-headers": "authorization,idempotency-key",
            **headers,
        },
    )


@pytest.mark.parametrize("origin", [OURS, THEIRS, "http://localhost:5173"])
async def test_a_listed_page_may_ask(browser: httpx.AsyncClient, origin: str) -> None:
    answer = await preflight(browser, origin)
    assert answer.status_code == 204
    assert answer.headers[ORIGIN] == origin
    assert "authorization" in answer.headers["access-control-allow-headers"]
    assert "idempotency-key" in answer.headers["access-control-allow-headers"]
    assert "PUT" in answer.headers["access-control-allow-methods"]
    assert "origin" in answer.headers["vary"]
    assert CREDENTIALS not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        STRANGE, "null", "*", "", "https://castle.example:444", "http://castle.example",
        "https://castle.example.evil.example", "https://sub.castle.example",
        "https://CASTLE.example", "https://castle.example/", "https://castle.example\x00",
        "x" * 5_000,
    ],
)  # fmt: skip
async def test_another_page_may_not_even_ask(browser: httpx.AsyncClient, origin: str) -> None:
    answer = await preflight(browser, origin)
    assert refused(answer) == (403, "origin_not_allowed")
    assert ORIGIN not in answer.headers


async def test_the_tenants_page_reads_the_tenants_answers(city: City, castle: Studio) -> None:
    async with city.client(castle.token) as client:
        answer = await client.get("/v1/players", headers={"origin": OURS})
    assert answer.status_code == 200
    assert answer.headers[ORIGIN] == OURS
    assert "ratelimit" in answer.headers["access-control-expose-headers"]
    assert CREDENTIALS not in answer.headers


async def test_another_tenants_page_reads_nothing_even_with_the_token(
    city: City, castle: Studio
) -> None:
    player = await castle.player()
    minted = await mint_player_token(city.services.identity, castle.ref, player)
    assert not isinstance(minted, Refusal)
    for token in (castle.token, minted.token):
        async with city.client(token) as client:
            for origin in (THEIRS, STRANGE, "null"):
                answer = await client.get(
                    f"/v1/players/{player}/balances", headers={"origin": origin}
                )
                assert answer.status_code == 200
                assert ORIGIN not in answer.headers
                assert "origin" in answer.headers["vary"]


async def test_a_problem_can_be_read_by_the_page_that_caused_it(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get("/v1/players", headers={"origin": OURS})
    assert (answer.status_code, answer.headers[ORIGIN]) == (401, OURS)
    answer = await browser.get("/v1/players", headers={"origin": STRANGE})
    assert answer.status_code == 401
    assert ORIGIN not in answer.headers


async def test_a_publishable_key_says_whose_page_it_must_be(
    city: City, castle: Studio, browser: httpx.AsyncClient
) -> None:
    made = await create_key(city.services.identity, castle.ref, "web", kind="publishable")
    assert not isinstance(made, Refusal)
    for origin, readable in ((OURS, True), (THEIRS, False)):
        headers = {"origin": origin, "x-guildbank-key": made.token}
        answer = await browser.get("/v1/players", headers=headers)
        assert (ORIGIN in answer.headers) is readable


async def test_the_deployments_key_is_never_read_by_a_page(city: City) -> None:
    async with city.client(await city.key(None)) as operator:
        answer = await operator.get("/v1/tenants", headers={"origin": OURS})
        assert answer.status_code == 200
        assert ORIGIN not in answer.headers


async def test_an_origin_that_is_struck_off_is_out(city: City) -> None:
    studio = await city.studio()
    origin = f"https://{studio.ref.slug}.example"
    async with city.client(await city.key(None)) as operator:
        path = f"/v1/tenants/{studio.ref.slug}"
        kept = done(await operator.patch(path, json=listed([origin, origin])))
        assert kept["settings"]["corsOrigins"] == [origin]
        assert (await preflight(operator, origin)).status_code == 204
        done(await operator.patch(path, json=listed([])))
        assert (await preflight(operator, origin)).status_code == 403
    async with city.client(studio.token) as client:
        answer = await client.get("/v1/players", headers={"origin": origin})
        assert ORIGIN not in answer.headers
    await studio.http.aclose()


async def test_a_tenants_own_key_lists_no_origin(castle: Studio) -> None:
    answer = await castle.http.patch(f"/v1/tenants/{castle.ref.slug}", json=listed([STRANGE]))
    assert refused(answer) == (403, "forbidden")
