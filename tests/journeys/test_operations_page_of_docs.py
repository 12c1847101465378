"""The page on asking before coins move is done as it stands, and every worker keeps to it."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.journeys.stall import Stall, eventually
from tests.servers.guildbank import GuildbankServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "hooks-of-operations.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PUBLISH, READ, TRY = COMMANDS
LEAST_SECONDS = 2.0
"""So soon all processes keep to a publication."""


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    with closing(Stall(server)) as opened:
        yield opened


def test_large_spends_are_refused_once_the_page_is_done(
    server: GuildbankServer, stall: Stall
) -> None:
    key = stall.http.headers["authorization"].removeprefix("Bearer ")
    known = {"GUILDBANK_URL": server.url, "KEY": key, "no_proxy": "*"}

    def types(command: str, **more: str) -> str:
        done = subprocess.run(
            ["sh", "-eu", "-c", command], env={**server.environment, **known, **more},
            stdout=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
        return done.stdout

    move = {"playerId": stall.player, "currency": "GEM"}
    stall.post("/v1/grants", {**move, "amount": 9_000})
    assert stall.send("/v1/spends", {**move, "amount": 501}).status_code == 201
    types(PUBLISH)
    refused = 0

    def all_refuse() -> bool:
        nonlocal refused
        answer = stall.send("/v1/spends", {**move, "amount": 501})
        refused = refused + 1 if answer.status_code == 403 else 0
        return refused >= 10

    eventually(all_refuse, patience=LEAST_SECONDS + 3)
    problem = stall.send("/v1/spends", {**move, "amount": 501}).json()
    assert (problem["code"], problem["veto"], problem["detail"]) == (
        "operation_vetoed", "too_large", "Spend 500 gems at most at once.",
    )  # fmt: skip
    spent = stall.post("/v1/spends", {**move, "amount": 500})
    told = types(READ, TRANSACTION=spent["transactionId"])
    assert '"step":"small"' in told
    assert '"verdict":"passed"' in told
    tried = json.loads(types(TRY))
    fates = {(one["amounts"]["GEM"], one["after"]["veto"]) for one in tried["operations"]}
    assert {(501, "too_large"), (500, "too_large")} <= fates
