"""The commands of the pages on moderation, privacy and the audit do what the pages say."""

import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    with GuildbankServer(tmp_path_factory.mktemp("lives") / "data") as server:
        yield server


def run(server: GuildbankServer, page: str, folder: Path) -> str:
    """Run the commands of a page in order; return what they said."""
    commands = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) >= 2
    demo = server.credentials.demo
    assert demo is not None
    known = {"GUILDBANK_URL": server.url, "KEY": demo.secret_key, "no_proxy": "*"}
    done = subprocess.run(
        ["sh", "-eu", "-c", "\n".join(commands)],
        cwd=folder,
        env={**server.environment, **known},
        stdout=subprocess.PIPE,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_the_commands_on_moderation_run_in_order(server: GuildbankServer, tmp_path: Path) -> None:
    said = run(server, "moderation.md", tmp_path)
    assert '"reason":"chargeback under review"' in said
    assert '"method":"document"' in said


def test_the_commands_on_privacy_run_in_order(server: GuildbankServer, tmp_path: Path) -> None:
    said = run(server, "privacy.md", tmp_path)
    assert '"erasedAt":"2' in said
    with zipfile.ZipFile(tmp_path / "person.zip") as packed:
        assert b"ada-1" in packed.read("identity_player.json")


def test_the_commands_on_the_audit_run_in_order(server: GuildbankServer, tmp_path: Path) -> None:
    said = run(server, "audit.md", tmp_path)
    assert '"kind":"wallets.currency_changed"' in said
    assert '"reason":"Ticket 4711"' in said
    assert '"address":"127.0.0.1"' in said
