"""The page on gates is done as it stands, and its limits hold at a server that sells."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.journeys.stall import Stall
from tests.servers.guildbank import GuildbankServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gates.md").read_text()


@pytest.fixture
def stall(server: GuildbankServer) -> Iterator[Stall]:
    with closing(Stall(server)) as opened:
        yield opened


def publish(stall: Stall, step: dict) -> None:
    saved = stall.post("/v1/pipelines/packs/revisions", {"stages": {"before": [step]}})
    stall.post("/v1/pipelines/packs/publish", {"revision": saved["revision"]})


def test_the_steps_of_the_page_can_run(server: GuildbankServer, tmp_path: Path) -> None:
    [command] = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    demo = server.credentials.demo
    assert demo is not None
    known = {"GUILDBANK_URL": server.url, "KEY": demo.secret_key, "no_proxy": "*"}
    done = subprocess.run(
        ["sh", "-eu", "-c", command], cwd=tmp_path, env={**server.environment, **known},
        stdout=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["problems"] == []


def test_what_was_bought_before_a_limit_was_published_counts(stall: Stall) -> None:
    stall.bought()
    limit = {"window_minutes": 60, "most_purchases": 1}
    publish(stall, {"id": "velocity", "plugin": "velocity", "settings": {"limits": [limit]}})
    refused = stall.buy("instant")
    assert (refused["state"], refused["problem"]) == ("failed", "purchase_vetoed")
    assert refused["problemDetail"].startswith("You have made too many purchases of late.")
    assert refused["attempts"] == []


def test_an_age_that_is_confirmed_over_http_opens_the_shop(stall: Stall) -> None:
    step = {"id": "of-age", "plugin": "age", "settings": {"required": "confirmed"}}
    publish(stall, step)
    assert stall.buy("instant")["problem"] == "purchase_vetoed"
    confirmed = {"ageConfirmation": {"method": "document", "at": "2026-01-02T03:04:05Z"}}
    changed = stall.http.patch(f"/v1/players/{stall.player}", json=confirmed)
    assert changed.status_code == 200, changed.text
    stall.bought()
