"""The commands of the page on signing in by other accounts do what the page says."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sign-in-by-other-accounts.md"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the page signs by openssl")
def test_the_commands_of_the_page_run_in_order(tmp_path: Path) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) >= 3
    with GuildbankServer(tmp_path / "data") as server:
        demo = server.credentials.demo
        assert demo is not None
        done = subprocess.run(
            ["sh", "-eu", "-c", "\necho;\n".join(commands)],
            cwd=tmp_path,
            env={
                **server.environment,
                "GUILDBANK_URL": server.url,
                "KEY": demo.secret_key,
                "no_proxy": "*",
            },
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout
    assert '"secretsSet":["bot_token"]' in done.stdout
    assert '"urls":["https://game.example/signed-in"]' in done.stdout
    assert '"id":"telegram","title":"Telegram"' in done.stdout
    assert done.stdout.count('"code":"assertion_replayed"') == 1
    guest = json.loads((tmp_path / "guest.json").read_text())
    # Made, signed in by secret, upgraded and signed in by password: always the same player.
    assert done.stdout.count(f'"userId":"{guest["tokens"]["userId"]}"') == 2
