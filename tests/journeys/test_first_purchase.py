"""The example is the main job: it runs against a fresh deployment, and outlives a restart."""

import json
import signal
import subprocess
from pathlib import Path

from tests.servers.guildbank import GuildbankServer

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "first_purchase.sh"


def buy(server: GuildbankServer) -> subprocess.CompletedProcess[str]:
    """Run the example against the server, whose address it finds beside the keys."""
    return subprocess.run(
        ["sh", str(EXAMPLE)],
        env={name: v for name, v in server.environment.items() if name != "GUILDBANK_URL"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def balances(server: GuildbankServer) -> dict[str, object]:
    """Return every player's balances."""
    with server.client() as client:
        players = [one["id"] for one in client.get("/v1/players").json()["items"]]
        return {
            player: client.get(f"/v1/players/{player}/balances").json()["balances"]
            for player in players
        }


def test_a_player_buys_spends_and_gets_money_back_and_all_is_there_after_ctrl_c(tmp_path: Path):
    server = GuildbankServer(tmp_path / "data", first=True)
    with server:
        first = buy(server)
        assert first.returncode == 0, first.stdout + first.stderr
        assert "coins left: 36" in first.stdout
        assert "books in order: true" in first.stdout
        before = balances(server)
        assert server.stop(signal.SIGINT) == 0
    with server:
        assert balances(server) == before
        second = buy(server)
        assert second.returncode == 0, second.stdout + second.stderr
    verified = server.run("ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "ok demo" in verified.stdout
    proved = server.run("ledger", "proof")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    assert "demo: ok" in proved.stdout


def test_the_example_says_what_is_missing(tmp_path: Path):
    server = GuildbankServer(tmp_path / "nothing", first=True)
    told = buy(server)
    assert told.returncode == 1
    assert "run 'guildbank up'" in told.stderr
    server.folder.mkdir()
    known = {"url": server.url, "secretKey": "sk_x"}
    (server.folder / "credentials.json").write_text(json.dumps(known))
    told = buy(server)
    assert told.returncode == 1
    assert f"nothing answers at {server.url}" in told.stderr
