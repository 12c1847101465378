"""Who sends too much is told so, when to come again, and is the only one who has to wait."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from litestar import Litestar, get
from tests.counters import SECRET, stop_workers, worker
from tests.infra import edge_app
from tests.servers.redis import PROGRAM, RedisServer

from guildbank.infra.config import Settings
from guildbank.infra.database import Database
from guildbank.infra.http.admission import LimitClash
from guildbank.infra.http.app import build_app
from guildbank.infra.limits import Limiter, RateLimit, Store
from guildbank.infra.limits.in_postgres import PostgresStore
from guildbank.infra.limits.in_redis import RedisStore

GAME = {"authorization": "Bearer sk_all"}
PLAYER = {"authorization": "Bearer player"}
LIST = "/v1/players/player_1/grants"
_addresses = iter(range(1, 60_000))


def fresh_address() -> str:
    """Return an address that no test has called from; some keep their counters for a minute."""
    number = next(_addresses)
    return f"198.51.{number // 250}.{number % 250 + 1}"


def client_at(app: Litestar, address: str, **headers: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, client=(address, 4711))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://game.example", headers=headers)


def code(answer: httpx.Response) -> str:
    found: str = answer.json()["code"]
    return found


@pytest.fixture(autouse=True)
async def _anew(counters_db: Database) -> None:
    """Forget earlier tests, whose callers have the same names, and what their workers know."""
    await stop_workers()
    async with counters_db.begin("guildbank") as tx:
        await tx.driver.execute("TRUNCATE infra_rate")


def app_of(store: Store, **settings: object) -> Litestar:
    return edge_app.make(limiter=worker(store), **settings)  # type: ignore[arg-type]


@pytest.fixture
def pg(counters_db: Database) -> PostgresStore:
    return PostgresStore(counters_db)


async def test_an_address_without_credentials_has_a_limit(store: Store) -> None:
    app = app_of(store, address_requests_per_minute=5)
    async with client_at(app, fresh_address()) as stranger:
        answers = [await stranger.get("/docs") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    last = answers[-1]
    assert last.headers["content-type"] == "application/problem+json"
    assert (code(last), last.json()["limit"]) == ("rate_limited", "address")
    wait = int(last.headers["retry-after"])
    assert 1 <= wait <= 13
    assert last.json()["retryAfterSeconds"] == wait
    assert f"Wait {wait} s" in last.json()["detail"]
    async with client_at(app, fresh_address()) as neighbour:
        assert (await neighbour.get("/docs")).status_code == 200


async def test_answers_say_how_a_limit_stands(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=60, key_requests_per_minute=600)
    async with client_at(app, fresh_address()) as stranger:
        answer = await stranger.get("/docs")
        assert answer.headers["ratelimit-policy"] == '"address";q=60;w=60'
        assert answer.headers["ratelimit"] == '"address";r=59;t=1'
        game = await stranger.get(LIST, headers=GAME)
        assert game.headers["ratelimit-policy"] == '"key";q=600;w=60'
        assert re.fullmatch(r'"key";r=59\d;t=1', game.headers["ratelimit"])


async def test_guessing_keys_is_limited_and_addresses_that_do_not_exist_are(
    pg: PostgresStore,
) -> None:
    app = app_of(pg, address_requests_per_minute=6)
    async with client_at(app, fresh_address()) as stranger:
        guesses = [
            await stranger.get(LIST, headers={"authorization": f"Bearer sk_{n}"}) for n in range(4)
        ]
        nothing = [await stranger.get(f"/v1/nothing/{n}") for n in range(4)]
    assert [one.status_code for one in guesses] == [401] * 4
    assert [one.status_code for one in nothing] == [404, 404, 429, 429]


async def test_the_whole_household_of_an_ipv6_address_counts_as_one(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=4)
    answers = []
    for number in range(6):
        async with client_at(app, f"2001:db8:77:1::{number:x}") as stranger:
            answers.append((await stranger.get("/docs")).status_code)
    assert answers == [200] * 4 + [429] * 2


async def test_an_invented_forwarded_address_is_no_way_out(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=4)
    async with client_at(app, fresh_address()) as liar:
        answers = [
            (await liar.get("/docs", headers={"x-forwarded-for": f"203.0.113.{n}"})).status_code
            for n in range(6)
        ]
    assert answers == [200] * 4 + [429] * 2


async def test_behind_a_trusted_proxy_each_client_has_its_own(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=3, trusted_proxies="10.0.0.0/8")
    async with client_at(app, "10.0.0.1") as proxy:
        for client in ("203.0.113.50", "203.0.113.51"):
            # Each also claims to be somebody else each time, and the proxy appends who it is.
            answers = [
                await proxy.get("/docs", headers={"x-forwarded-for": f"192.0.2.{n}, {client}"})
                for n in range(5)
            ]
            assert [one.status_code for one in answers] == [200] * 3 + [429] * 2


async def test_a_good_key_is_counted_by_its_application_wherever_it_calls_from(
    pg: PostgresStore,
) -> None:
    app = app_of(pg, address_requests_per_minute=2, key_requests_per_minute=6)
    answers = []
    for _ in range(2):
        async with client_at(app, fresh_address()) as game:
            answers += [(await game.get(LIST, headers=GAME)).status_code for _ in range(5)]
    assert answers == [200] * 6 + [429] * 4
    async with client_at(app, fresh_address()) as player:
        assert (await player.get(LIST, headers=PLAYER)).status_code == 200


async def test_a_player_has_a_limit_that_is_the_players_own(pg: PostgresStore) -> None:
    app = app_of(pg, player_requests_per_minute=3)
    async with client_at(app, fresh_address()) as client:
        answers = [await client.get(LIST, headers=PLAYER) for _ in range(4)]
        assert [one.status_code for one in answers] == [200] * 3 + [429]
        assert answers[-1].json()["limit"] == "player"
        assert (await client.get(LIST, headers=GAME)).status_code == 200


async def test_a_guesser_next_door_does_not_shut_out_a_known_caller(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=5)
    async with client_at(app, fresh_address()) as shared:
        assert (await shared.get(LIST, headers=GAME)).status_code == 200
        for number in range(10):
            await shared.get(LIST, headers={"authorization": f"Bearer guess {number}"})
        assert (await shared.get("/docs")).status_code == 429
        assert (await shared.get(LIST, headers=GAME)).status_code == 200


async def test_a_second_authorization_header_is_no_pass_for_the_first(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=5)
    mask = ("authorization", "Bearer mask")
    async with client_at(app, fresh_address()) as attacker:
        answers = []
        for number in range(12):
            for token in ("sk_all", f"guess {number}"):
                sent = [("authorization", f"Bearer {token}"), mask]
                answers.append((await attacker.get(LIST, headers=sent)).status_code)
    # At most the quota of guesses was looked at, whichever of the two headers counts.
    assert answers.count(401) <= 5
    assert 429 in answers


async def test_a_busy_game_server_is_not_counted_by_its_address(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=10)
    async with client_at(app, fresh_address()) as game:
        assert (await game.get(LIST, headers=GAME)).status_code == 200
        asked = [game.get(LIST, headers=GAME) for _ in range(100)]
        assert {one.status_code for one in await asyncio.gather(*asked)} == {200}


async def test_what_is_signed_is_not_counted_and_what_is_forged_is(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=5)
    async with client_at(app, fresh_address()) as provider:
        for _ in range(12):
            signed = await provider.post("/v1/signed", headers={"signature": "good"})
            assert signed.status_code == 200
            assert "ratelimit" not in signed.headers
        forged = [
            (await provider.post("/v1/signed", headers={"signature": f"bad {n}"})).status_code
            for n in range(7)
        ]
        assert forged == [401] * 5 + [429] * 2


async def test_zero_switches_a_limit_off(pg: PostgresStore) -> None:
    app = app_of(
        pg, address_requests_per_minute=0, key_requests_per_minute=0, player_requests_per_minute=0
    )
    async with client_at(app, fresh_address()) as client:
        for headers in ({}, GAME, PLAYER):
            answers = [await client.get(LIST, headers=headers) for _ in range(30)]
            assert 429 not in {one.status_code for one in answers}
            assert "ratelimit" not in answers[-1].headers


async def test_machines_that_watch_are_never_limited(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=1)
    async with client_at(app, fresh_address()) as watcher:
        for path in ("/healthz", "/readyz", "/metrics") * 3:
            assert (await watcher.get(path)).status_code == 200


async def test_a_route_may_have_a_limit_of_its_own(store: Store) -> None:
    app = app_of(store)
    address = fresh_address()
    async with client_at(app, address) as client:
        answers = [await client.post("/v1/sign-in") for _ in range(5)]
        assert [one.status_code for one in answers] == [200] * 3 + [429] * 2
        assert answers[0].headers["ratelimit-policy"] == '"address";q=600;w=60, "sign-in";q=3;w=60'
        assert answers[-1].json()["limit"] == "sign-in"
    async with client_at(app, fresh_address()) as other:
        assert (await other.post("/v1/sign-in")).status_code == 200


async def test_a_routes_limit_of_callers_follows_the_caller(pg: PostgresStore) -> None:
    app = app_of(pg)
    answers = []
    for _ in range(3):
        async with client_at(app, fresh_address(), **GAME) as game:
            answers += [(await game.post("/v1/orders")).status_code for _ in range(2)]
    assert answers == [200] * 4 + [429] * 2


async def test_two_workers_agree_on_an_exact_limit(store: Store) -> None:
    apps = [app_of(store), app_of(store)]
    address, answers = fresh_address(), []
    for number in range(6):
        async with client_at(apps[number % 2], address) as client:
            answers.append((await client.post("/v1/sign-in")).status_code)
    assert answers == [200] * 3 + [429] * 3


async def test_when_the_counters_are_away_sign_in_is_closed_and_the_game_goes_on(
    tmp_path: Path,
) -> None:
    if PROGRAM is None:
        pytest.skip("there is no redis-server here: apt-get install redis-server")
    with RedisServer(tmp_path) as redis:
        store = RedisStore(redis.url)
        limiter = Limiter(store, SECRET)
        app = edge_app.make(limiter=limiter, key_requests_per_minute=40)
        async with client_at(app, fresh_address()) as client:
            assert (await client.post("/v1/sign-in")).status_code == 200
            redis.stop()
            closed = await client.post("/v1/sign-in")
            assert (closed.status_code, code(closed)) == (503, "limits_unavailable")
            assert "retry-after" in closed.headers
            answers = [(await client.get(LIST, headers=GAME)).status_code for _ in range(50)]
            # One more may come in each second and a half.
            assert 40 <= answers.count(200) <= 43
            assert set(answers) == {200, 429}
            redis.start()
            assert (await client.post("/v1/sign-in")).status_code == 200
        await limiter.close()
        await store.close()


async def test_a_store_that_hangs_holds_nobody_for_long(tmp_path: Path) -> None:
    if PROGRAM is None:
        pytest.skip("there is no redis-server here: apt-get install redis-server")
    with RedisServer(tmp_path) as redis:
        store = RedisStore(redis.url)
        limiter = Limiter(store, SECRET)
        app = edge_app.make(limiter=limiter, key_requests_per_minute=1_000)
        async with client_at(app, fresh_address()) as client:
            assert (await client.get(LIST, headers=GAME)).status_code == 200
            redis.pause()
            async with asyncio.timeout(10):
                asked = [client.get(LIST, headers=GAME) for _ in range(500)]
                assert {one.status_code for one in await asyncio.gather(*asked)} == {200}
                closed = await client.post("/v1/sign-in")
            assert (closed.status_code, code(closed)) == (503, "limits_unavailable")
            redis.resume()
        await limiter.close()
        await store.close()


async def test_what_is_limited_is_counted_for_the_operator(pg: PostgresStore) -> None:
    app = app_of(pg, address_requests_per_minute=1)
    async with client_at(app, fresh_address()) as stranger:
        for _ in range(4):
            await stranger.get("/docs")
        page = (await stranger.get("/metrics")).text
    assert 'guildbank_http_rate_limited_total{limit="address"} 3.0' in page


def test_two_limits_with_one_name_are_refused_at_the_start() -> None:
    @get("/a", opt={"public": True, "limits": (RateLimit("same", 1, 60),)})
    async def one() -> None:
        """One."""

    @get("/b", opt={"public": True, "limits": (RateLimit("same", 2, 60),)})
    async def other() -> None:
        """Other."""

    with pytest.raises(LimitClash, match="same"):
        build_app(routes=[one, other], authenticate=edge_app.authenticate, settings=Settings())
