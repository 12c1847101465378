"""A studio brings its players along by a file, while the server runs."""

import csv
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import pytest
from tests.servers.guildbank import GuildbankServer

PASSWORD = "three lamps sing at dawn"
COLUMNS = ("externalId", "username", "emailConfirmed", "passwordHash")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    folder: Path = tmp_path_factory.mktemp("import") / "data"
    with GuildbankServer(folder) as running:
        yield running


def write(path: Path, *rows: tuple[str, ...]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows((COLUMNS, *rows))


def test_a_file_is_taken_line_by_line_and_run_again_once_it_is_mended(
    server: GuildbankServer, tmp_path: Path
) -> None:
    stored = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    good = [(f"old-{number}", f"hero{number}", "", stored) for number in range(2_500)]
    file = tmp_path / "players.csv"
    write(file, *good, ("old-x", "latecomer", "perhaps", stored), ("old-1", "", "", ""))
    first = server.run("player", "import", str(file), "--tenant", "demo")
    assert first.returncode == 1, first.stderr
    assert "Players added: 2,500" in first.stdout
    with (tmp_path / "players.refused.csv").open(encoding="utf-8") as refused:
        told = [(one["line"], one["field"], one["code"]) for one in csv.DictReader(refused)]
    assert told == [
        ("2502", "emailConfirmed", "invalid_value"),
        ("2503", "externalId", "external_id_taken"),
    ]
    write(file, *good, ("old-x", "latecomer", "false", stored))
    second = server.run("player", "import", str(file), "--tenant", "demo")
    assert second.returncode == 0, second.stdout
    assert "Players added: 1; there from an earlier run: 2,500" in second.stdout
    assert not (tmp_path / "players.refused.csv").exists()
    with server.client() as web:
        body = {"username": "hero2499", "password": PASSWORD}
        assert web.post("/login", json=body).status_code == 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name,password\nada,secret\n", "it has name, password"),
        (b"username\n\xff\xfe\n", "line 2: not UTF-8"),
        (b"", "it has none"),
        (b'username\n"open', "unexpected end of data"),
    ],
)
def test_a_file_that_is_no_list_of_players_is_refused_as_a_whole(
    server: GuildbankServer, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "wrong.csv"
    file.write_bytes(content)
    run = server.run("player", "import", str(file), "--tenant", "demo")
    assert run.returncode == 1
    assert said in " ".join((run.stdout + run.stderr).split())


def test_players_of_no_tenant_are_refused(server: GuildbankServer, tmp_path: Path) -> None:
    file = tmp_path / "players.csv"
    write(file)
    unknown = server.run("player", "import", str(file), "--tenant", "nowhere")
    assert "There is no tenant 'nowhere'" in unknown.stdout + unknown.stderr
