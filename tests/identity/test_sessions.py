"""Sessions are kept alive by refresh tokens that work once, and end at once everywhere."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from tests.house import House

from guildbank.identity import Authenticator, Identity
from guildbank.identity.usecases.sign_in.keep_session import (
    IDLE_LIFETIME,
    SESSION_LIFETIME,
    end_sessions,
)
from guildbank.infra.http import Caller
from guildbank.tenancy import TenantRef

PASSWORD = "three lamps sing at dawn"
REFRESH = "/v1/sessions/refresh"


@pytest.fixture(scope="module")
async def home(house: House) -> TenantRef:
    return await house.tenant("sessions-home")


@pytest.fixture(scope="module")
async def web(house: House, home: TenantRef) -> AsyncIterator[httpx.AsyncClient]:
    async with await house.players_client(home) as client:
        yield client


@pytest.fixture
async def signed_in(web: httpx.AsyncClient) -> dict[str, Any]:
    """The tokens of a new player's first session."""
    fresh = f"player-{next(NUMBERS)}"
    body = {"username": fresh, "password": PASSWORD}
    assert (await web.post("/register", json=body)).status_code == 201
    return await sign_in(web, fresh)


NUMBERS = iter(range(1_000))


async def sign_in(web: httpx.AsyncClient, username: str, device: str = "x") -> dict[str, Any]:
    answer = await web.post(
        "/login",
        json={"username": username, "password": PASSWORD},
        headers={"user-agent": device},
    )
    assert answer.status_code == 200, answer.text
    return {**answer.json(), "username": username}


async def refresh(web: httpx.AsyncClient, token: str) -> httpx.Response:
    return await web.post(REFRESH, json={"refreshToken": token})


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_fifty_parallel_refreshes_agree_on_one_successor(
    web: httpx.AsyncClient, signed_in: dict[str, Any]
) -> None:
    answers = await asyncio.gather(*(refresh(web, signed_in["refreshToken"]) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    successors = {answer.json()["refreshToken"] for answer in answers}
    assert len(successors) == 1
    assert successors != {signed_in["refreshToken"]}
    assert {answer.json()["sessionId"] for answer in answers} == {signed_in["sessionId"]}
    assert code(await refresh(web, successors.pop())) == (200, "")


async def test_a_token_that_was_used_ends_the_session_once_its_successor_was(
    web: httpx.AsyncClient, signed_in: dict[str, Any]
) -> None:
    first = signed_in["refreshToken"]
    second = (await refresh(web, first)).json()["refreshToken"]
    third = (await refresh(web, second)).json()
    assert code(await refresh(web, first)) == (401, "refresh_reused")
    assert code(await refresh(web, third["refreshToken"])) == (401, "session_ended")
    answer = await web.get("/v1/sessions", headers=bearer(third["token"]))
    assert code(answer) == (401, "session_ended")


async def test_a_token_that_was_used_ends_the_session_after_half_a_minute(
    house: House, web: httpx.AsyncClient, signed_in: dict[str, Any]
) -> None:
    first = signed_in["refreshToken"]
    second = (await refresh(web, first)).json()["refreshToken"]
    house.clock.advance(timedelta(seconds=30))
    assert (await refresh(web, first)).json()["refreshToken"] == second
    house.clock.advance(timedelta(seconds=1))
    assert code(await refresh(web, first)) == (401, "refresh_reused")
    assert code(await refresh(web, second)) == (401, "session_ended")


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.replace(".0.", ".1."),
        lambda token: token.rpartition(".")[0],
        lambda token: token.removeprefix("rt_"),
        lambda _: "rt_",
        lambda _: "rt_..",
        lambda _: "rt_\u00e9",
        lambda _: "eyJhbGciOiJub25lIn0.e30.",
    ],
)
async def test_a_forged_refresh_token_opens_nothing_and_ends_nothing(
    web: httpx.AsyncClient, signed_in: dict[str, Any], forge: Any
) -> None:
    token = signed_in["refreshToken"]
    assert code(await refresh(web, forge(token))) == (401, "unauthorized")
    assert code(await refresh(web, token)) == (200, "")


async def test_a_session_ends_when_it_is_idle_or_old(
    house: House, web: httpx.AsyncClient, signed_in: dict[str, Any]
) -> None:
    house.clock.advance(IDLE_LIFETIME)
    assert code(await refresh(web, signed_in["refreshToken"])) == (401, "session_ended")
    kept = await sign_in(web, signed_in["username"])
    token, passed = kept["refreshToken"], timedelta()
    while passed + IDLE_LIFETIME / 2 < SESSION_LIFETIME:
        passed += IDLE_LIFETIME / 2
        house.clock.advance(IDLE_LIFETIME / 2)
        token = (await refresh(web, token)).json()["refreshToken"]
    house.clock.advance(IDLE_LIFETIME / 2)
    assert code(await refresh(web, token)) == (401, "session_ended")


async def test_a_player_lists_and_ends_sessions(
    web: httpx.AsyncClient, signed_in: dict[str, Any]
) -> None:
    phone = await sign_in(web, signed_in["username"], "Moonlit/1.2 (phone)\x07")
    third = await sign_in(web, signed_in["username"], "d" * 500)
    me = bearer(phone["token"])
    items = (await web.get("/v1/sessions", headers=me)).json()["items"]
    assert [one["id"] for one in items] == [
        third["sessionId"],
        phone["sessionId"],
        signed_in["sessionId"],
    ]
    assert [one["current"] for one in items] == [False, True, False]
    assert items[1]["device"] == "Moonlit/1.2 (phone)"
    assert len(items[0]["device"]) == 200
    ended = await web.delete(f"/v1/sessions/{signed_in['sessionId']}", headers=me)
    assert ended.status_code == 204
    assert code(await web.get("/v1/sessions", headers=bearer(signed_in["token"]))) == (
        401,
        "session_ended",
    )
    assert code(await web.delete("/v1/sessions/ses_x", headers=me)) == (404, "not_found")
    others = await web.post("/v1/sessions/end-others", headers=me)
    assert others.json() == {"ended": 1}
    assert (await web.post("/logout", headers=me)).status_code == 204
    assert code(await web.get("/v1/sessions", headers=me)) == (401, "session_ended")
    assert code(await refresh(web, phone["refreshToken"])) == (401, "session_ended")


@pytest.fixture
async def elsewhere(house: House) -> AsyncIterator[Identity]:
    """The parts of another worker process, over the same database."""
    parts = house.another()
    yield parts
    await parts.close()


async def calls(worker: Identity, token: str) -> bool:
    """Say whether the token's player may call at that worker."""
    sent = {"host": "localhost", **bearer(token)}
    return isinstance(await Authenticator(worker)(sent, "/"), Caller)


async def hears(worker: Identity) -> None:
    """Wait until the worker relies on what it remembers."""
    for _ in range(500):
        if worker.standings._hearing:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the worker does not listen")


async def is_refused(worker: Identity, token: str, seconds: float) -> bool:
    """Say whether the worker comes to refuse the token within the time."""
    for _ in range(int(seconds / 0.005)):
        if not await calls(worker, token):
            return True
        await asyncio.sleep(0.005)
    return False


async def test_an_ended_session_is_ended_at_once_for_every_worker(
    house: House, home: TenantRef, signed_in: dict[str, Any], elsewhere: Identity
) -> None:
    token = signed_in["token"]
    assert await calls(elsewhere, token)
    await hears(elsewhere)
    assert await calls(elsewhere, token)
    key = (home.schema, signed_in["userId"])
    assert elsewhere.standings._recent.knows(key)
    assert await end_sessions(house.identity, home, signed_in["userId"]) == 1
    assert await is_refused(elsewhere, token, seconds=1)


async def test_a_worker_that_cannot_hear_remembers_nothing(
    house: House, home: TenantRef, signed_in: dict[str, Any], elsewhere: Identity
) -> None:
    token = signed_in["token"]
    assert await calls(elsewhere, token)
    await hears(elsewhere)
    assert await calls(elsewhere, token)
    admin = await asyncpg.connect(house.url)
    listening = "SELECT pid FROM pg_stat_activity WHERE query ILIKE '%guildbank_ended%'"
    pids = [row[0] for row in await admin.fetch(listening + " AND pid <> pg_backend_pid()")]
    assert pids
    for pid in pids:
        await admin.execute("SELECT pg_terminate_backend($1)", pid)
    await end_sessions(house.identity, home, signed_in["userId"])
    await admin.close()
    assert await is_refused(elsewhere, token, seconds=5)
    await hears(elsewhere)
    assert not await calls(elsewhere, token)


async def test_a_session_that_begins_after_the_worker_looked_is_found(
    web: httpx.AsyncClient, signed_in: dict[str, Any], elsewhere: Identity
) -> None:
    assert await calls(elsewhere, signed_in["token"])
    await hears(elsewhere)
    assert await calls(elsewhere, signed_in["token"])
    again = await sign_in(web, signed_in["username"])
    assert await calls(elsewhere, again["token"])
