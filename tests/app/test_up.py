"""What a person meets who starts, stops and starts again: keys once, refusals, no leftovers."""

import asyncio
import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from tests.servers.guildbank import GuildbankServer, free_ports, run
from tests.servers.smtp import smtp_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuildbankServer]:
    """A deployment without a demo, for tests that leave it running."""
    with GuildbankServer(tmp_path_factory.mktemp("up") / "data", "--no-demo") as running:
        yield running


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of all processes that were told of the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                about = command + (entry / "environ").read_bytes().decode(errors="replace")
                where = str((entry / "cwd").readlink())
            except OSError:
                continue
            if str(folder) in about or where.startswith(str(folder)):
                found.append(command)
    return found


def test_the_keys_are_shown_once_and_kept_for_their_owner_alone(server: GuildbankServer):
    key = server.credentials.deployment_key
    assert key in server.said()
    path = server.folder / "credentials.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


def test_no_link_for_an_owner_is_shown_where_no_terminal_is(server: GuildbankServer):
    assert "operator/accept" not in server.said()


def test_the_server_answers_what_machines_ask(server: GuildbankServer):
    with server.client() as client:
        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json()["status"] == "ready"
        assert "guildbank_http_request_seconds" in client.get("/metrics").text
        assert client.get("/docs").status_code == 200


def test_a_second_start_on_the_folder_is_told_who_is_first(server: GuildbankServer):
    told = run("up", f"--port={free_ports()}", f"--data={server.folder}")
    assert told.returncode == 1
    assert f"in use by process {server.pid}" in told.stderr


def test_a_taken_port_is_named_with_a_way_out(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = run("up", f"--port={port}", f"--data={tmp_path / 'data'}")
    assert told.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in told.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_an_unknown_setting_is_named(tmp_path: Path):
    told = run("up", f"--data={tmp_path / 'data'}", GUILDBANK_PROT="8080")
    assert told.returncode == 1
    assert "GUILDBANK_PROT" in told.stderr


def test_doctor_is_content_with_a_running_server(server: GuildbankServer):
    told = server.run("doctor")
    assert told.returncode == 0, told.stdout
    assert "is ready" in told.stdout
    assert "no mail server is configured" in " ".join(told.stdout.split())


async def test_doctor_says_whether_the_mail_server_answers(server: GuildbankServer):
    told = partial(asyncio.to_thread, server.run, "doctor", GUILDBANK_MAIL_FROM="bank@studio.test")
    async with smtp_server() as mail:
        well = await told(GUILDBANK_SMTP_URL=mail.url("tls=none"))
        plain = await told(GUILDBANK_SMTP_URL=mail.url("tls=starttls"))
    assert well.returncode == 0, well.stdout
    assert f"127.0.0.1:{mail.port} answers" in well.stdout
    assert plain.returncode == 1
    gone = await told(GUILDBANK_SMTP_URL="smtp://bank:s3cret@127.0.0.1:1?tls=none")
    assert gone.returncode == 1
    assert "cannot be reached" in " ".join(gone.stdout.split())
    assert "s3cret" not in gone.stdout + gone.stderr


def test_doctor_names_what_is_missing(tmp_path: Path):
    url = f"http://127.0.0.1:{free_ports()}"
    told = run("doctor", GUILDBANK_DATA=str(tmp_path / "none"), GUILDBANK_URL=url)
    assert told.returncode == 1
    assert "does not exist" in told.stdout
    assert f"{url} does not answer" in told.stdout


def test_tenants_are_created_listed_suspended_resumed_and_deleted(server: GuildbankServer):
    assert "Created tenant moonlit" in server.run("tenant", "create", "moonlit").stdout
    again = server.run("tenant", "create", "moonlit")
    assert again.returncode == 1
    assert "slug_taken" in again.stderr
    assert "suspended" in server.run("tenant", "suspend", "moonlit").stdout
    assert "active" in server.run("tenant", "resume", "moonlit").stdout
    wrong = server.run("tenant", "delete", "moonlit", "--confirm", "moonlight")
    assert wrong.returncode == 1
    assert "moonlit" in server.run("tenant", "list").stdout
    assert "archive" in server.run("tenant", "delete", "moonlit", "--confirm", "moonlit").stdout
    assert "moonlit" not in server.run("tenant", "list").stdout


def test_a_key_works_until_it_is_revoked(server: GuildbankServer):
    server.run("tenant", "create", "ember")
    made = server.run(
        "key", "create", "--tenant", "ember", "--name", "game", "--scope", "players:read"
    )
    assert made.returncode == 0, made.stderr
    token = made.stdout.split()[-1]
    with server.client(token) as client:
        assert client.get("/v1/players").status_code == 200
    listed = server.run("key", "list", "--tenant", "ember").stdout
    assert token not in listed
    key_id = next(word for word in listed.split() if word.startswith("key_"))
    assert server.run("key", "revoke", key_id).returncode == 0
    time.sleep(1.1)
    with server.client(token) as client:
        assert client.get("/v1/players").status_code == 401


def test_a_key_may_be_kept_to_networks(server: GuildbankServer):
    server.run("tenant", "create", "walled")
    tokens = []
    for network in ("127.0.0.0/8", "203.0.113.0/24"):
        made = server.run(
            "key", "create", "--tenant", "walled", "--name", "game", "--scope", "players:read",
            "--allow", network, "--allow", "2001:db8::/48",
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        tokens.append(made.stdout.split()[-1])
    statuses = []
    for token in tokens:
        with server.client(token) as client:
            statuses.append(client.get("/v1/players").status_code)
    assert statuses == [200, 403]
    assert "203.0.113" in server.run("key", "list", "--tenant", "walled").stdout
    wrong = server.run(
        "key", "create", "--tenant", "walled", "--name", "x", "--scope", "players:read",
        "--allow", "home",
    )  # fmt: skip
    assert wrong.returncode == 1
    assert "'home' is no network" in wrong.stderr


def test_pages_of_an_origin_are_let_call_by_a_command(server: GuildbankServer):
    server.run("tenant", "create", "paged")
    kept = server.run("tenant", "origins", "paged", "--allow", "https://game.example")
    assert kept.returncode == 0, kept.stderr
    assert "https://game.example" in kept.stdout
    asked = httpx.options(
        f"{server.url}/v1/players",
        headers={"origin": "https://game.example", "access-control-request-method": "GET"},
        trust_env=False,
    )
    assert asked.headers["access-control-allow-origin"] == "https://game.example"
    assert "none" in server.run("tenant", "origins", "paged").stdout


def test_a_lost_deployment_key_is_made_anew_in_the_database(server: GuildbankServer):
    made = server.run("key", "create", "--deployment", "--name", "second")
    assert made.returncode == 0, made.stderr
    with server.client(made.stdout.split()[-1]) as client:
        assert client.get("/v1/tenants").status_code == 200


def test_a_wrong_key_is_refused_in_words(server: GuildbankServer):
    told = server.run("tenant", "list", "--key", "sk_wrong")
    assert told.returncode == 1
    assert "unauthorized" in told.stderr


def test_plugins_are_listed_and_tested(server: GuildbankServer):
    assert "sandbox" in server.run("plugin", "list").stdout
    told = server.run("plugin", "test", "nonesuch")
    assert told.returncode == 1
    assert "There is no plugin 'nonesuch' that can be tested" in told.stderr
    token = "bot_token=5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
    passed = server.run("plugin", "test", "telegram", "--setting", token)
    assert passed.returncode == 0, passed.stdout
    assert "a_replay_is_known_by_once" in passed.stdout
    failed = server.run("plugin", "test", "telegram", "--setting", "bot_id=1")
    assert failed.returncode == 1


def test_ctrl_c_leaves_no_process_and_a_second_start_shows_no_keys(tmp_path: Path):
    server = GuildbankServer(tmp_path / "data", "--no-demo", "--workers=2")
    with server:
        key = server.credentials.deployment_key
        assert processes_of(server.folder)
        assert server.stop(signal.SIGINT) == 0
    assert processes_of(server.folder) == []
    with server:
        assert key not in server.said()
        assert "credentials.json" in server.said()
        with server.client(key) as client:
            assert client.get("/v1/tenants").status_code == 200
