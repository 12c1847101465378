"""The commands of the page on refund requests do what the page says."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "refund-requests.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with GuildbankServer(tmp_path_factory.mktemp("asked") / "data") as server:
        yield server


def test_the_commands_run_in_order(server: GuildbankServer, tmp_path: Path) -> None:
    assert len(COMMANDS) >= 4
    demo = server.credentials.demo
    assert demo is not None
    known = {"GUILDBANK_URL": server.url, "KEY": demo.secret_key, "no_proxy": "*"}
    done = subprocess.run(
        ["sh", "-eu", "-c", "\n".join(COMMANDS)],
        cwd=tmp_path,
        env={**server.environment, **known},
        stdout=subprocess.PIPE,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    said = done.stdout
    assert '"state":"credited"' in said
    assert said.count('"text":"I meant to buy the small one."') == 3
    assert '"kind":"payments.created"' in said
    assert '"version":0' in said
    assert said.rstrip().endswith("}")
    assert '"state":"withdrawn"' in said
