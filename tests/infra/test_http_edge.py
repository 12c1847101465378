"""What every request gets: an id, credentials checked, limits, and a problem on a failure."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
import sqlalchemy.exc
import structlog
from litestar import Litestar
from tests.infra import edge_app
from tests.infra.edge_app import Box, body

from guildbank.infra.config import Settings
from guildbank.infra.database import Database
from guildbank.infra.http import Code
from guildbank.infra.http.app import build_app
from guildbank.infra.http.problems import CodeClash

HEADERS = {"authorization": "Bearer sk_all", "idempotency-key": "k"}
LIST = "/v1/players/player_1/grants"


def client_of(app: Litestar) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(edge_app.make()) as client:
        yield client


def code(answer: httpx.Response) -> str:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.json()["status"] == answer.status_code
    found: str = answer.json()["code"]
    return found


async def test_unknown_addresses_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    missing = await client.get("/nothing/here")
    assert (missing.status_code, code(missing)) == (404, "not_found")
    for method in ("DELETE", "TRACE", "PURGE"):
        wrong = await client.request(method, "/v1/grants")
        assert (wrong.status_code, code(wrong)) == (405, "method_not_allowed")
        assert "POST" in wrong.headers["allow"]


@pytest.mark.parametrize("path", ["/v1/players/%00/grants", "/v1/%0a", "/%ff%fe", "/v1/%ed%a0%80"])
async def test_paths_with_control_characters_name_nothing(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path, headers=HEADERS)
    assert (answer.status_code, code(answer)) == (404, "not_found")


async def test_credentials_are_needed_and_checked(client: httpx.AsyncClient) -> None:
    none = await client.get(LIST)
    assert (none.status_code, code(none)) == (401, "unauthorized")
    assert none.headers["www-authenticate"].startswith("Bearer")
    forged = await client.get(LIST, headers={"authorization": "Bearer sk_forged"})
    assert (forged.status_code, code(forged)) == (401, "unauthorized")
    poor = await client.get(LIST, headers={"authorization": "Bearer sk_none"})
    assert (poor.status_code, code(poor)) == (403, "forbidden")
    assert "read" in poor.json()["detail"]


async def test_credentials_come_before_the_body(client: httpx.AsyncClient) -> None:
    for path in ("/v1/grants", "/v1/players"):
        answer = await client.post(path, content=b"not json")
        assert answer.status_code == 401


async def test_a_player_sees_only_their_own_pages(client: httpx.AsyncClient) -> None:
    player = {"authorization": "Bearer player"}
    assert (await client.get(LIST, headers=player)).status_code == 200
    other = await client.get("/v1/players/player_2/grants", headers=player)
    assert (other.status_code, code(other)) == (404, "not_found")
    grant = await client.post("/v1/grants", content=body(), headers=player)
    assert (grant.status_code, code(grant)) == (403, "forbidden")


@pytest.mark.parametrize(
    ("query", "status", "expected", "field"),
    [
        ("limit=ten", 422, "wrong_type", "limit"),
        ("limit=1.5", 422, "wrong_type", "limit"),
        ("limit=0", 422, "out_of_range", "limit"),
        ("limit=201", 422, "out_of_range", "limit"),
        ("limit=", 422, "wrong_type", "limit"),
        ("limit=1&limit=2", 400, "query_invalid", "limit"),
        ("limits=1", 422, "unknown_field", "limits"),
        ("after=%20", 422, "invalid_value", "after"),
        ("currency=%00", 422, "invalid_value", "currency"),
        ("fewest=null", 422, "invalid_value", "fewest"),
        ("fewest=NULL", 422, "invalid_value", "fewest"),
        ("currency=%ff", 400, "query_invalid", None),
        ("&".join(f"a{n}=1" for n in range(60)), 400, "query_invalid", None),
    ],
)
async def test_a_wrong_query_is_named(
    client: httpx.AsyncClient, query: str, status: int, expected: str, field: str | None
) -> None:
    answer = await client.get(f"{LIST}?{query}", headers=HEADERS)
    assert (answer.status_code, code(answer)) == (status, expected)
    assert answer.json().get("field") == field


async def test_a_query_on_a_call_without_any_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/grants?dryRun=1", content=body(), headers=HEADERS)
    assert (answer.status_code, code(answer)) == (422, "unknown_field")


async def test_a_missing_or_bad_idempotency_key_is_refused(client: httpx.AsyncClient) -> None:
    headers = {"authorization": "Bearer sk_all", "content-type": "application/json"}
    missing = await client.post("/v1/grants", content=body(), headers=headers)
    assert (missing.status_code, code(missing)) == (400, "idempotency_key_required")
    for bad in ("", "a b", "x" * 256, "schlüssel".encode()):
        answer = await client.post(
            "/v1/grants",
            content=body(),
            headers={**headers, "idempotency-key": bad},  # type: ignore[arg-type]
        )
        assert (answer.status_code, code(answer)) == (400, "idempotency_key_malformed")


async def test_a_request_id_comes_back_and_a_bad_one_is_replaced(
    client: httpx.AsyncClient,
) -> None:
    kept = await client.get("/healthz", headers={"x-request-id": "trace.A-1_b"})
    assert kept.headers["x-request-id"] == "trace.A-1_b"
    for bad in ("", "a b", "<script>", "x" * 65):
        made = await client.get("/healthz", headers={"x-request-id": bad})
        assert made.headers["x-request-id"] != bad
        assert len(made.headers["x-request-id"]) == 24


async def test_answers_are_neither_stored_nor_sniffed(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_headers_over_the_limit_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get("/healthz", headers={"x-long": "x" * 20_000})
    assert (answer.status_code, code(answer)) == (431, "header_too_large")


async def test_an_unexpected_failure_is_logged_and_tells_the_client_only_its_id() -> None:
    box = Box()
    box.raises = RuntimeError("row 7 of secret table")
    with structlog.testing.capture_logs() as logs:
        async with client_of(edge_app.make(box)) as client:
            answer = await client.post("/v1/fails", content=b'{"password": "hunter2"}')
    assert (answer.status_code, code(answer)) == (500, "internal_error")
    assert "secret table" not in answer.text
    assert [entry["event"] for entry in logs] == ["request_failed"]
    assert logs[0]["exc_info"] is box.raises
    assert "hunter2" not in str(logs)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (asyncpg.AdminShutdownError("terminating connection"), "database_unavailable"),
        (asyncpg.CannotConnectNowError("starting up"), "database_unavailable"),
        (asyncpg.ConnectionDoesNotExistError("closed"), "database_unavailable"),
        (asyncpg.TooManyConnectionsError("53300"), "database_unavailable"),
        (asyncpg.InterfaceError("connection is closed"), "database_unavailable"),
        (asyncpg.InternalClientError("another operation (2)"), "database_unavailable"),
        (ConnectionRefusedError(111, "refused"), "database_unavailable"),
        (sqlalchemy.exc.TimeoutError("pool"), "database_unavailable"),
        (
            sqlalchemy.exc.DBAPIError("SELECT", {}, asyncpg.AdminShutdownError("x")),
            "database_unavailable",
        ),
        (asyncpg.QueryCanceledError("statement timeout"), "too_busy"),
        (asyncpg.LockNotAvailableError("lock timeout"), "too_busy"),
        (asyncpg.DeadlockDetectedError("deadlock"), "too_busy"),
        (TimeoutError(), "too_busy"),
    ],
)
async def test_an_absent_database_is_503_and_asks_to_come_back(
    error: Exception, expected: str
) -> None:
    box = Box()
    box.raises = error
    async with client_of(edge_app.make(box)) as client:
        answer = await client.post("/v1/fails")
    assert (answer.status_code, code(answer)) == (503, expected)
    assert int(answer.headers["retry-after"]) >= 1


@pytest.mark.parametrize(
    "url", ["postgresql://u:p@127.0.0.1:1/none", "postgresql://u:p@/none?host=/nonexistent"]
)
async def test_a_database_that_is_not_there_is_503(url: str) -> None:
    database = Database(url)
    box = Box()
    try:
        async with database.begin("public"):
            pass
    except Exception as error:
        box.raises = error
    assert box.raises is not None
    async with client_of(edge_app.make(box)) as client:
        answer = await client.post("/v1/fails")
    assert (answer.status_code, code(answer)) == (503, "database_unavailable")
    await database.close()


async def test_a_missing_file_is_not_taken_for_a_missing_database() -> None:
    box = Box()
    box.raises = FileNotFoundError(2, "no such file")
    async with client_of(edge_app.make(box)) as client:
        assert (await client.post("/v1/fails")).status_code == 500


async def test_an_answer_that_takes_too_long_is_503() -> None:
    async with client_of(edge_app.make(request_timeout_seconds=0.05)) as client:
        answer = await client.get("/v1/slow")
    assert (answer.status_code, code(answer)) == (503, "timed_out")
    assert answer.headers["retry-after"] == "1"


async def test_a_body_that_does_not_arrive_is_408() -> None:
    async def stuck() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)

    async with client_of(edge_app.make(request_timeout_seconds=0.05)) as client:
        headers = {**HEADERS, "content-type": "application/json"}
        answer = await client.post("/v1/grants", content=stuck(), headers=headers)
    assert (answer.status_code, code(answer)) == (408, "request_timeout")


async def test_requests_over_the_bound_are_503_and_health_still_answers() -> None:
    box = Box()
    async with client_of(edge_app.make(box, max_concurrent_requests=2)) as client:
        waiting = [asyncio.create_task(client.get("/v1/slow")) for _ in range(2)]
        await asyncio.sleep(0.05)
        refused = await client.get("/v1/slow")
        assert (refused.status_code, code(refused)) == (503, "too_busy")
        assert (await client.get("/healthz")).status_code == 200
        box.gate.set()
        assert [each.status_code for each in await asyncio.gather(*waiting)] == [200, 200]
        assert (await client.get("/v1/slow")).status_code == 200


async def test_readiness_names_the_part_that_fails() -> None:
    async def works() -> None:
        return None

    async def fails() -> None:
        raise ConnectionError("no database")

    async def app(**checks: Any) -> httpx.Response:
        built = build_app(
            routes=[], authenticate=edge_app.authenticate, settings=Settings(), checks=checks
        )
        async with client_of(built) as client:
            return await client.get("/readyz")

    ready = await app(database=works)
    assert ready.json() == {"status": "ready", "checks": {"database": "ok"}}
    broken = await app(journal=works, database=fails)
    assert (broken.status_code, code(broken)) == (503, "not_ready")
    assert broken.json()["database"] == "failed"
    assert "no database" not in broken.text


def test_two_rooms_cannot_give_one_code_two_meanings() -> None:
    with pytest.raises(CodeClash, match="not_found"):
        build_app(
            routes=[],
            authenticate=edge_app.authenticate,
            settings=Settings(),
            codes=[Code("not_found", 404, "Something else.")],
        )


async def test_a_client_that_goes_away_in_mid_body_is_no_server_failure() -> None:
    messages = iter(
        [
            {"type": "http.request", "body": b"{", "more_body": True},
            {"type": "http.disconnect"},
        ]
    )
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": "/v1/grants",
        "query_string": b"",
        "headers": [
            (b"host", b"game.example"),
            (b"authorization", b"Bearer sk_all"),
            (b"content-type", b"application/json"),
            (b"idempotency-key", b"k"),
        ],
    }
    with structlog.testing.capture_logs() as logs:
        await edge_app.make()(scope, receive, send)
    assert sent[0]["status"] == 400
    assert logs == []
