"""Processes of one deployment agree on who has sent too much, by PostgreSQL or by Redis."""

import time
from collections.abc import Iterator

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer
from tests.servers.redis import RedisServer

QUOTA, PROCESSES = 50, 2


@pytest.fixture(params=["postgresql", "redis"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GuildbankServer]:
    """A deployment with two processes, and counters in either place."""
    variables: dict[str, str] = {"GUILDBANK_ADDRESS_REQUESTS_PER_MINUTE": str(QUOTA)}
    if request.param == "redis":
        redis: RedisServer = request.getfixturevalue("redis")
        variables["GUILDBANK_REDIS_URL"] = redis.url
    folder = tmp_path_factory.mktemp("limits") / "data"
    with GuildbankServer(
        folder, f"--workers={PROCESSES}", "--no-demo", variables=variables
    ) as running:
        yield running


def stranger_asks(server: GuildbankServer) -> httpx.Response:
    # A context of TLS, which nobody needs here, would take longer than the request.
    return httpx.get(f"{server.url}/docs", trust_env=False, verify=False)


def test_a_stranger_gets_one_quota_from_all_processes(server: GuildbankServer):
    with server.client() as operator:
        assert operator.get("/v1/tenants").status_code == 200
        began = time.monotonic()
        # Each request on a connection of its own, so that either process may get it.
        answers = [stranger_asks(server) for _ in range(2 * QUOTA)]
        assert operator.get("/v1/tenants").status_code == 200, "a known key goes on"
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) == {200, 429}
    # A share for each process, and what comes back in the seconds that this takes.
    back = int((time.monotonic() - began) * QUOTA / 60) + 1
    assert QUOTA <= statuses.count(200) <= QUOTA + PROCESSES * QUOTA // 10 + back
    told = server.run("doctor", **server.variables).stdout
    if "GUILDBANK_REDIS_URL" in server.variables:
        assert "GUILDBANK_REDIS_URL answers" in told
        gone = server.run("doctor", GUILDBANK_REDIS_URL="redis://127.0.0.1:1/0").stdout
        assert "counted by each process" in " ".join(gone.split())
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["code"] == "rate_limited"
    assert int(refused.headers["retry-after"]) >= 1
