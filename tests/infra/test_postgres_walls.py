"""Nobody but the user that started it reaches the embedded PostgreSQL, by socket, file or port."""

import os
import stat
import subprocess
from pathlib import Path

import pytest
from tests.infra.strangers import ROOT, ask, connecting_as, reading_as, small

from guildbank.infra.postgres import Cluster, ClusterError


def modes_above(folder: Path) -> dict[Path, tuple[int, int, int]]:
    found = {place: place.stat() for place in folder.parents}
    return {place: (s.st_mode, s.st_uid, s.st_gid) for place, s in found.items()}


def refused_to_strangers(running: Cluster) -> None:
    folder = running.folder
    inside = [folder, folder / "data", folder / "run", folder / "log", folder / "passwords.json"]
    if ROOT:
        for path in [*inside, folder / "data" / "PG_VERSION", folder / "data" / "pg_hba.conf"]:
            assert "PermissionError" in reading_as("nobody", path), path
        assert "PermissionError" in connecting_as("nobody", folder / "run" / ".s.PGSQL.5432")
    else:
        # Becoming another user takes root; without it the bits that stop others are read.
        for path in inside:
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_another_local_user_can_neither_connect_nor_read(open_folder: Path) -> None:
    before = modes_above(open_folder / "cluster")
    with small(open_folder / "cluster") as running:
        assert ask(running, "SELECT 1") == "1"
        if ROOT:
            assert "[" in reading_as("nobody", open_folder), "the way there must be open"
        refused_to_strangers(running)
        assert modes_above(open_folder / "cluster") == before
    assert modes_above(open_folder / "cluster") == before


def test_the_servers_own_user_cannot_read_the_passwords_of_the_others(open_folder: Path) -> None:
    with small(open_folder / "cluster") as running:
        if ROOT:
            passwords = running.folder / "passwords.json"
            assert "PermissionError" in reading_as("guildbank-pg", passwords)
            assert "PermissionError" in reading_as("guildbank-pg", running.folder)
        mode = (running.folder / "passwords.json").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600


def test_files_stay_closed_under_an_open_umask(open_folder: Path) -> None:
    before = os.umask(0)
    try:
        with small(open_folder / "deep" / "er" / "cluster") as running:
            assert stat.S_IMODE((open_folder / "deep").stat().st_mode) == 0o700
            (open_folder / "deep").chmod(0o755)
            (open_folder / "deep" / "er").chmod(0o755)
            refused_to_strangers(running)
            for path in running.folder.rglob("*"):
                if not path.is_socket():
                    assert stat.S_IMODE(path.lstat().st_mode) & 0o077 == 0, path
    finally:
        os.umask(before)


def test_there_is_no_network_port_and_every_way_in_asks_for_a_password(cluster: Cluster) -> None:
    assert ask(cluster, "SHOW listen_addresses") == ""
    ways = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
    assert ask(cluster, ways, superuser=True) == "scram-sha-256"
    kept = "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') FROM pg_authid WHERE rolcanlogin"
    assert ask(cluster, kept, superuser=True) == "t"
    socket_folder = cluster.folder / "run"
    for role in ("guildbank", "postgres"):
        for password, answer in (("", "no password supplied"), ("guess", "authentication failed")):
            tried = subprocess.run(
                [str(cluster.binary("psql")), "-w", "-h", str(socket_folder), "-U", role, "-c", ""],
                env={"PGPASSWORD": password},
                capture_output=True,
                text=True,
                check=False,
            )
            assert answer in tried.stderr


def test_the_app_is_no_superuser(cluster: Cluster) -> None:
    rights = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
    assert ask(cluster, f"{rights} FROM pg_roles WHERE rolname = current_user") == "f"


def test_a_setting_that_keeps_others_out_cannot_be_changed(tmp_path: Path) -> None:
    for name in ("listen_addresses", "unix_socket_permissions", "hba_file"):
        with pytest.raises(ClusterError, match=f"{name} .* is fixed"):
            Cluster(tmp_path, settings={name: "*"})


def test_other_settings_can_be_changed(tmp_path: Path) -> None:
    with small(tmp_path / "cluster", settings={"max_connections": "23"}) as running:
        assert ask(running, "SHOW max_connections") == "23"
        assert ask(running, "SHOW shared_buffers") == "16MB"
