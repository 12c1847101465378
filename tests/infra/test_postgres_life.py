"""The embedded PostgreSQL keeps its data, comes back after a kill, and is never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from tests.infra.strangers import ask, small

from guildbank.infra.postgres import Cluster, ClusterError

_HOLDER = """
import sys, time
from pathlib import Path
from guildbank.infra.postgres import Cluster
cluster = Cluster(Path(sys.argv[1]), shared_buffers="16MB")
cluster.start()
print(cluster.pid, flush=True)
time.sleep(600)
"""


def eventually(true: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return done


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Cluster]:
    with small(tmp_path / "cluster") as running:
        yield running


def held_elsewhere(folder: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a cluster in another process; return that process and the server's pid."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout
    with holder.stdout:
        return holder, int(holder.stdout.readline())


def test_data_is_there_after_a_stop_and_a_start(own: Cluster) -> None:
    ask(own, "CREATE TABLE coins (amount bigint); INSERT INTO coins VALUES (42)")
    first, url = own.pid, own.url()
    own.stop()
    stopped = (own.running(), own.pid)
    assert stopped == (False, None)
    own.start()
    assert own.pid not in (None, first)
    assert own.url() == url
    assert ask(own, "SELECT amount FROM coins") == "42"


async def test_the_url_works_for_each_driver_in_use(cluster_url: str) -> None:
    with psycopg.connect(cluster_url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("guildbank",)
    driver = await asyncpg.connect(cluster_url)
    assert await driver.fetchval("SELECT current_database()") == "guildbank"
    await driver.close()
    engine = create_async_engine(cluster_url.replace("postgresql:", "postgresql+asyncpg:"))
    async with engine.connect() as connection_:
        assert (await connection_.execute(text("SELECT 1"))).scalar_one() == 1
    await engine.dispose()


def test_a_further_database_belongs_to_the_app(cluster: Cluster) -> None:
    for _ in range(2):
        url = cluster.create_database("further")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE ours (id int)")


def test_what_is_committed_is_durable_and_checked(cluster: Cluster) -> None:
    wanted = {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "shared_buffers": "256MB",
        "max_wal_size": "4GB",
    }
    assert {name: ask(cluster, f"SHOW {name}") for name in wanted} == wanted
    assert ask(cluster, "SELECT min(datlocale) FROM pg_database") == "C.UTF-8"


def test_it_lends_as_many_connections_as_its_processes_can_ask_for(own: Cluster) -> None:
    assert ask(own, "SHOW max_connections") == "100"


def test_a_killed_server_is_started_again_with_what_was_committed(own: Cluster) -> None:
    ask(own, "CREATE TABLE coins (amount bigint)")
    for round_ in range(1, 4):
        ask(own, f"INSERT INTO coins VALUES ({round_})")
        before = own.pid
        assert before
        os.kill(before, signal.SIGKILL)
        assert eventually(ended_and_back(own, before))
        assert ask(own, "SELECT count(*) FROM coins") == str(round_)


def test_a_busy_backend_does_not_keep_a_killed_server_from_coming_back(own: Cluster) -> None:
    busy = subprocess.Popen(
        [str(own.binary("psql")), own.url(), "-Xqc", "DO $$ BEGIN LOOP END LOOP; END $$"],
        stderr=subprocess.DEVNULL,
    )
    spins = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO%'"
    assert eventually(lambda: ask(own, spins) == "1")
    before = own.pid
    assert before
    os.kill(before, signal.SIGKILL)
    assert eventually(ended_and_back(own, before))
    assert busy.wait(10) != 0
    assert ask(own, spins) == "0"


def ended_and_back(own: Cluster, before: int) -> Callable[[], bool]:
    return lambda: own.pid not in (None, before)


def test_a_killed_backend_takes_nothing_committed_with_it(own: Cluster) -> None:
    ask(own, "CREATE TABLE coins (amount bigint); INSERT INTO coins VALUES (7)")
    server = own.pid
    with psycopg.connect(own.url()) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            victim.execute("SELECT 1")

    def answers() -> bool:
        try:
            return ask(own, "SELECT amount FROM coins") == "7"
        except subprocess.CalledProcessError:
            return False

    assert eventually(answers)
    assert own.pid == server


def test_stopping_ends_open_transactions_at_once(own: Cluster) -> None:
    with psycopg.connect(own.url()) as idle:
        idle.execute("CREATE TABLE half (id int)")
        began = time.monotonic()
        own.stop()
        assert time.monotonic() - began < 10
        idle.close()
    own.start()
    assert ask(own, "SELECT to_regclass('half') IS NULL") == "t"


def test_the_server_shuts_down_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    holder, server = held_elsewhere(tmp_path / "cluster")
    holder.kill()
    holder.wait()
    assert eventually(lambda: ended(server))
    said = "".join(log.read_text() for log in (tmp_path / "cluster" / "log").iterdir())
    assert "received fast shutdown request" in said
    assert "database system is shut down" in said


def test_a_start_ends_a_server_left_by_a_killed_supervisor(tmp_path: Path) -> None:
    holder, server = held_elsewhere(tmp_path / "cluster")
    os.kill(server, signal.SIGSTOP)  # so that it cannot hear that its supervisor died
    holder.kill()
    holder.wait()
    assert not ended(server)
    with small(tmp_path / "cluster") as again:
        assert ended(server)
        assert ask(again, "SELECT 1") == "1"


def test_a_folder_in_use_is_refused_with_the_holders_pid(tmp_path: Path) -> None:
    holder, server = held_elsewhere(tmp_path / "cluster")
    try:
        with pytest.raises(ClusterError, match=f"in use by process {holder.pid}.*stop it first"):
            small(tmp_path / "cluster").start()
        assert not ended(server)
        # Other commands of the same user still find their way in.
        assert small(tmp_path / "cluster").running()
        assert ask(small(tmp_path / "cluster"), "SELECT 1") == "1"
    finally:
        holder.terminate()
        holder.wait()
    assert eventually(lambda: ended(server))


def test_the_terminals_ctrl_c_does_not_reach_the_server(cluster: Cluster) -> None:
    assert cluster.pid
    assert os.getsid(cluster.pid) == cluster.pid != os.getsid(0)
