"""The commands of the page on player accounts do what the page says."""

import re
import subprocess
from pathlib import Path

from tests.servers.guildbank import GuildbankServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "player-accounts.md"


def test_the_commands_of_the_page_run_in_order(tmp_path: Path) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) >= 5
    with GuildbankServer(tmp_path / "data") as server:
        done = subprocess.run(
            ["sh", "-eu", "-c", "\n".join(commands)],
            cwd=tmp_path,
            env={**server.environment, "GUILDBANK_URL": server.url, "no_proxy": "*"},
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    assert '"userId":"player_' in done.stdout
    assert '"message":"Session refreshed"' in done.stdout
    assert '"newBalance":110' in done.stdout
    assert '"currencyBalance":110' in done.stdout
    assert '"kind":"payments.credited"' in done.stdout
