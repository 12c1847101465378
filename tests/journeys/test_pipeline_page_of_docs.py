"""The page on pipelines is done as it stands, and a server with two workers follows."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "change-a-pipeline.md"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    with GuildbankServer(tmp_path_factory.mktemp("pipelines") / "data") as server:
        yield server


def test_the_commands_publish_show_every_process_and_roll_back(
    server: GuildbankServer, tmp_path: Path
) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 7
    demo = server.credentials.demo
    assert demo is not None
    known = {"GUILDBANK_URL": server.url, "KEY": demo.secret_key, "no_proxy": "*"}
    # What a process has made ready is shown within two seconds.
    script = "\necho\n".join([*commands[:5], f"sleep 2\n{commands[5]}", commands[6]])
    done = subprocess.run(
        ["sh", "-eu", "-c", script], cwd=tmp_path, env={**server.environment, **known},
        stdout=subprocess.PIPE, text=True, timeout=90, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    answers = map(json.loads, done.stdout.splitlines())
    saved, checked, tried, canary, published, workers, back = answers
    assert saved["revision"] == 1
    assert [one["field"] for one in checked["problems"]] == ["stages.before.0.plugin"]
    assert (tried["replayed"], tried["same"], tried["items"]) == (0, 0, [])
    assert (canary["published"], canary["canary"], canary["share"]) == (0, 1, 10)
    assert (published["published"], published["canary"]) == (1, None)
    kinds = {one["kind"] for one in workers["items"]}
    assert kinds == {"http", "jobs"}
    assert {one["published"] for one in workers["items"]} == {1}
    assert (back["published"], back["previous"]) == (0, 1)
