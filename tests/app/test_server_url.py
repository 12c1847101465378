"""Commands find the server where it listens, unless somebody says where it is."""

from pathlib import Path

import pytest

from guildbank.app.cli.screen import load, server_url
from guildbank.app.credentials import Credentials, write_credentials
from guildbank.app.places import credentials_path


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GUILDBANK_URL", raising=False)


def test_a_server_on_another_port_is_found_by_its_folder(tmp_path: Path) -> None:
    settings = load(data=tmp_path)
    assert server_url(settings) == "http://127.0.0.1:8080"
    kept = Credentials("http://127.0.0.1:8290", "sk_deployment")
    write_credentials(credentials_path(settings), kept)
    assert server_url(settings) == "http://127.0.0.1:8290"


def test_what_is_said_goes_before_what_the_folder_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GUILDBANK_URL", "https://bank.example")
    settings = load(data=tmp_path)
    kept = Credentials("http://127.0.0.1:8290", "sk_deployment")
    write_credentials(credentials_path(settings), kept)
    assert server_url(settings) == "https://bank.example"
