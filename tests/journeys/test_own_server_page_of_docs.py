"""The page on asking an own server is done as it stands, with its JavaScript server behind it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.infra.countries_file import write_countries
from tests.journeys.stall import Stall
from tests.servers.guildbank import GuildbankServer
from tests.servers.judge_server import JudgeServer, is_installed

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "ask-your-own-server.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
MAKE_SECRET, BEGIN = COMMANDS
MISMATCH = {
    "code": "country_mismatch", "points": 90, "detail": "It comes from elsewhere.",
    "annotation": "signals.mismatch", "values": ["yes"],
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    """A deployment whose file says that this machine is in Austria."""
    folder = tmp_path_factory.mktemp("asked")
    known = {
        "GUILDBANK_EGRESS_PRIVATE": "true",
        "GUILDBANK_ADDRESS_COUNTRIES": str(
            write_countries(folder / "countries.mmdb", {"127.0.0.0/8": "AT"})
        ),
    }
    with GuildbankServer(folder / "data", variables=known) as server:
        yield server


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    with closing(Stall(server)) as opened:
        yield opened


def checks(stall: Stall, payment: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what operators read of the checks of a payment."""
    timeline = stall.http.get(f"/v1/payments/{payment['id']}/timeline").json()
    return [one["facts"] for one in timeline["items"] if one["kind"].startswith("check.")]


@pytest.mark.skipif(not is_installed(), reason="needs Node 20 and what `make test` installs")
def test_a_server_in_javascript_judges_purchases_once_the_page_is_done(
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
        return done.stdout.strip()

    secret = types(f"{MAKE_SECRET}\necho $SECRET")
    with JudgeServer(secret) as judge:
        types(BEGIN, SECRET=secret, ASKED=judge.url)
        bought = stall.bought()
        [said] = checks(stall, bought)
        assert said["notes"] == {"judge.guild": "north"}
        pack = {"name": "Hoard", "currency": "GEM", "coins": 5_001}
        price = {"price": {"amount": "4.99", "currency": "EUR"}}
        stall.pack = stall.post("/v1/packs", {**pack, "prices": [price]})["id"]
        refused = stall.buy("instant")
        assert refused["problem"] == "purchase_vetoed"
        assert refused["problemDetail"] == "Your vault is too full for this pack."
    assert stall.buy("instant")["problem"] == "gate_unavailable"


def test_a_player_elsewhere_than_its_token_says_is_scored_by_where_the_request_comes_from(
    server: GuildbankServer, stall: Stall
) -> None:
    risk = {"id": "risk", "plugin": "score", "refuseFrom": 90, "settings": {"rules": [MISMATCH]}}
    stages = {"before": [{"id": "signals", "plugin": "signals"}], "scorers": [risk]}
    saved = stall.post("/v1/pipelines/packs/revisions", {"stages": stages})
    stall.post("/v1/pipelines/packs/publish", {"revision": saved["revision"]})
    found = {}
    for country in ("AT", "DE"):
        path = f"/v1/players/{stall.player}/tokens"
        token = stall.post(path, {"country": country})["token"]
        order = {"packId": stall.pack, "currency": "EUR", "provider": "sandbox"}
        with server.client(token) as player:
            answer = player.post(
                "/v1/payments", json={**order, "method": "instant", "device": "a-phone"},
                headers={"idempotency-key": f"from-{country}"},
            )  # fmt: skip
        found[country] = answer.json()
    assert found["AT"]["problem"] is None
    assert found["DE"]["problemDetail"] == "This purchase cannot be made now."
    signals, score = checks(stall, found["DE"])
    assert signals["notes"] == {
        "signals.address_country": "AT", "signals.mismatch": "yes", "signals.shared_device": "0",
    }  # fmt: skip
    seen = "It comes from elsewhere. (signals.mismatch is yes)"
    assert (score["points"], score["code"]) == (90, "score_too_high")
    assert score["reasons"] == [{"code": "country_mismatch", "points": 90, "detail": seen}]
