"""What the page on backups says is done as it stands: backed up under load, lost, brought back."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer
from tests.studio import refused

from guildbank.infra.backups import read_manifest
from guildbank.infra.postgres import Cluster

PAGE = Path(__file__).resolve().parents[2] / "docs" / "backups.md"
OPENER = Path(__file__).resolve().parents[1] / "servers" / "age"
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
RECIPIENT, BACKUP, CHECK, RESTORE, AFTER = COMMANDS
CODE = "AGE-SECRET-KEY-1"


class Spending:
    """A game that spends all the time. `done` has the answers of what was answered, by key."""

    def __init__(self, server: GuildbankServer) -> None:
        self.http = server.client()
        self.player = self.http.post("/v1/players", json={"externalId": "spender"}).json()["id"]
        self._change("/v1/grants", "first", 100_000)
        self.done: dict[str, dict[str, Any]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._spend, name="spending")

    def _change(self, path: str, key: str, amount: int) -> httpx.Response:
        body = {"playerId": self.player, "currency": "GEM", "amount": amount}
        return self.http.post(path, json=body, headers={"idempotency-key": key})

    def _spend(self) -> None:
        for number in range(100_000):
            if self._stop.is_set():
                return
            answer = self._change("/v1/spends", f"spend-{number}", 1)
            assert answer.is_success, answer.text
            self.done[f"spend-{number}"] = answer.json()

    def wait_for(self, number: int) -> None:
        """Wait until so many spends were answered."""
        while len(self.done) < number:
            assert self._thread.is_alive()
            time.sleep(0.01)

    def again(self, http: httpx.Client, key: str) -> httpx.Response:
        """Send a spend once more, to another server."""
        body = {"playerId": self.player, "currency": "GEM", "amount": 1}
        return http.post("/v1/spends", json=body, headers={"idempotency-key": key})

    def __enter__(self) -> "Spending":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.http.close()


def types(server: GuildbankServer, script: str, **known: str) -> str:
    """Type commands of the page into a shell and return what they print."""
    ours = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-eu", "-c", script], env={**server.environment, **ours, **known},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GuildbankServer]:
    with GuildbankServer(tmp_path / "data") as running:
        yield running


def recovery_key(server: GuildbankServer) -> str:
    """Make the recovery key at a terminal, as somebody does who reads it there."""
    shown = server.on_terminal("recovery-key")
    (key,) = re.findall(rf"{CODE}[0-9A-Z]{{58}}", shown)
    return str(key)


def test_what_was_answered_before_a_backup_is_there_after_a_restore(
    server: GuildbankServer, tmp_path: Path
) -> None:
    key = recovery_key(server)
    master = (server.folder / "master.key").read_bytes().strip()
    backups, key_file, new = tmp_path / "backups", tmp_path / "kept.txt", tmp_path / "new"
    key_file.write_text(f"# of the safe\n{key}\n")
    key_file.chmod(0o600)
    with Spending(server) as spending:
        spending.wait_for(20)
        before = dict(spending.done)
        types(server, BACKUP, BACKUPS=str(backups))
        spending.wait_for(len(before) + 20)
    (folder,) = backups.iterdir()
    assert "the last one was made at" in server.run("doctor").stdout
    assert "made at" in types(server, CHECK, BACKUPS=str(backups))
    kept_keys = [server.credentials.deployment_key.encode(), master, key.encode()]
    for part in folder.iterdir():
        assert part.stat().st_size > 0
        assert not [one for one in kept_keys if one in part.read_bytes()]
    server.stop()
    shutil.rmtree(server.folder)

    restored = types(
        server, RESTORE, BACKUPS=str(backups), KEY_FILE=str(key_file), NEW_FOLDER=str(new)
    )
    assert "ok demo: seq 1 to" in restored
    assert "ok deployment: seq 1 to" in restored
    assert (new / "master.key").read_bytes().strip() == master
    assert not (new / "credentials.json").exists()
    with GuildbankServer(new) as again:
        fresh = again.credentials.deployment_key
        assert fresh.encode() != kept_keys[0]
        known = {"GUILDBANK_DATA": str(new), "GUILDBANK_URL": again.url}
        listed, resume = AFTER.splitlines()
        assert "suspended" in types(again, listed, NEW_DEPLOYMENT_KEY=fresh, **known)
        demo = spending.http.headers["authorization"].removeprefix("Bearer ")
        with again.client(demo) as http:
            answers = {one: spending.again(http, one) for one in before}
            assert {one: answer.json() for one, answer in answers.items()} == before
            assert refused(spending.again(http, "new")) == (403, "tenant_suspended")
            types(again, resume, NEW_DEPLOYMENT_KEY=fresh, **known)
            assert spending.again(http, "new").is_success
            assert http.get("/v1/proof").json()["ok"]
    kinds = kinds_of(new)
    assert kinds["deployment"][-3:] == [
        "backups.restored",
        "identity.key_created",
        "tenancy.resumed",
    ]
    assert kinds["demo"].count("journal.restored") == 1


def kinds_of(folder: Path) -> dict[str, list[str]]:
    """Read the kinds of the entries of two journals, with the database that the folder holds."""
    found = {}
    with Cluster(folder / "postgres") as cluster:
        for name, schema in (("deployment", "guildbank"), ("demo", "t_demo")):
            statement = f"SELECT kind FROM {schema}.journal_entry ORDER BY seq"
            done = subprocess.run(
                [cluster.binary("psql"), "--no-psqlrc", "-At", "-c", statement, cluster.url()],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            found[name] = done.stdout.split()
    return found


@pytest.mark.skipif(
    shutil.which("node") is None or not (OPENER / "node_modules/age-encryption").is_dir(),
    reason="there is no Node, or age was not installed for it",
)
def test_the_javascript_of_ages_author_opens_a_backup(
    server: GuildbankServer, tmp_path: Path
) -> None:
    key = recovery_key(server)
    types(server, BACKUP, BACKUPS=str(tmp_path / "backups"))
    (folder,) = (tmp_path / "backups").iterdir()

    def opened(part: str) -> bytes:
        return subprocess.run(
            ["node", str(OPENER / "open.mjs"), str(folder / part)], input=key.encode(),
            capture_output=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    assert opened("master.key.age") == (server.folder / "master.key").read_bytes()
    assert opened("database.dump.age").startswith(b"PGDMP")


def test_a_key_made_elsewhere_is_named_and_its_secret_is_never_here(
    server: GuildbankServer, tmp_path: Path
) -> None:
    piped = server.run("recovery-key")
    assert (piped.returncode, piped.stdout) == (1, "")
    assert "on a terminal only" in " ".join(piped.stderr.split())
    assert "none was made yet" in " ".join(server.run("doctor").stdout.split())
    none = server.run("backup", "--to", str(tmp_path / "backups"))
    assert (none.returncode, "guildbank recovery-key" in none.stderr) == (1, True)
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    assert key in types(server, RECIPIENT, RECIPIENT=key)
    types(server, BACKUP, BACKUPS=str(tmp_path / "backups"))
    (folder,) = (tmp_path / "backups").iterdir()
    assert read_manifest(folder).recipient == key
