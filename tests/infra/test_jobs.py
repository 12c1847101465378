"""Jobs run on time, once in the whole deployment, and outlive failures and killed workers."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from guildbank.infra.jobs import BadInterval, Jobs, cron_of
from guildbank.infra.migrations.run import migrate
from guildbank.infra.postgres import Cluster
from guildbank.infra.room import Job


@pytest.fixture(scope="module")
def jobs_url(cluster: Cluster) -> str:
    """A migrated database of this module's own."""
    url = cluster.create_database("jobs")
    assert not [done.error for done in migrate(url) if done.error]
    return url


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    """A file in which jobs note what they did."""
    path = tmp_path / "diary"
    path.touch()
    return path


async def happens(condition: Callable[[], object], seconds: float = 30.0) -> bool:
    """Look at the condition until it holds or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110 - another process acts
        await asyncio.sleep(0.05)
    return bool(condition())


async def work(*workers: Jobs, until, seconds: float = 20.0) -> None:
    """Run the workers until the condition holds."""
    running = [asyncio.create_task(worker.run()) for worker in workers]
    happened = await happens(until, seconds)
    for worker in workers:
        worker.stop()
    await asyncio.gather(*running)
    assert happened, "it did not happen in time"


def test_intervals_that_clocks_can_keep_are_taken():
    assert cron_of(1) == "* * * * * */1"
    assert cron_of(15) == "* * * * * */15"
    assert cron_of(300) == "*/5 * * * *"
    assert cron_of(7_200) == "0 */2 * * *"


@pytest.mark.parametrize("seconds", [0, -5, 7, 61, 90, 100_000])
def test_other_intervals_are_refused_when_declared(seconds: int):
    with pytest.raises(BadInterval):
        cron_of(seconds)


async def test_a_job_runs_again_and_again_with_the_services(jobs_url: str):
    seen: list[object] = []

    async def run(services: object) -> None:
        seen.append(services)

    await work(Jobs(jobs_url, [Job("often", 1, run)], "services"), until=lambda: len(seen) >= 3)
    assert set(seen) == {"services"}


async def test_two_workers_share_the_turns_and_never_run_a_job_side_by_side(jobs_url: str):
    running, most, turns = 0, 0, 0

    async def run(_: object) -> None:
        nonlocal running, most, turns
        running += 1
        most = max(most, running)
        turns += 1
        await asyncio.sleep(1.3)
        running -= 1

    two = [Jobs(jobs_url, [Job("alone", 1, run)], None) for _ in range(2)]
    await work(*two, until=lambda: turns >= 4)
    assert most == 1


async def test_a_failing_job_is_named_in_the_log_and_tried_again(jobs_url: str):
    tries = 0

    async def run(_: object) -> None:
        nonlocal tries
        tries += 1
        raise ValueError("no luck")

    with capture_logs() as lines:
        await work(Jobs(jobs_url, [Job("luckless", 1, run)], None), until=lambda: tries >= 3)
    failures = [line for line in lines if line["event"] == "job_failed"]
    assert {line["job"] for line in failures} == {"luckless"}
    assert str(failures[0]["exc_info"]) == "no luck"


async def test_a_failing_job_does_not_stop_the_others(jobs_url: str):
    done: list[str] = []

    async def fail(_: object) -> None:
        raise RuntimeError("broken")

    async def succeed(_: object) -> None:
        done.append("good")

    jobs = [Job("bad", 1, fail), Job("good", 1, succeed)]
    await work(Jobs(jobs_url, jobs, None), until=lambda: len(done) >= 2)


KILLED = """
import asyncio, sys, time
from pathlib import Path
from guildbank.infra.jobs import Jobs
from guildbank.infra.room import Job

async def run(_):
    with open(sys.argv[2], "a") as diary:
        diary.write("began\\n")
    await asyncio.sleep(600)

asyncio.run(Jobs(sys.argv[1], [Job("stuck", 1, run)], None).run())
"""


def kill_in_mid_job(url: str, diary: Path) -> None:
    """Run a worker in a process of its own until its job has begun, and kill it."""
    with subprocess.Popen([sys.executable, "-c", KILLED, url, str(diary)]) as child:
        while not diary.read_text() and child.poll() is None:
            time.sleep(0.05)
        child.kill()
    assert diary.read_text() == "began\n"


async def test_a_killed_worker_does_not_keep_its_job_from_the_others(jobs_url: str, diary: Path):
    await asyncio.to_thread(kill_in_mid_job, jobs_url, diary)
    turns = 0

    async def run(_: object) -> None:
        nonlocal turns
        turns += 1

    await work(Jobs(jobs_url, [Job("stuck", 1, run)], None), until=lambda: turns > 0, seconds=60)


async def test_jobs_go_on_after_the_database_cut_every_connection(jobs_url: str, cluster: Cluster):
    turns: list[float] = []

    async def run(_: object) -> None:
        turns.append(time.monotonic())

    worker = Jobs(jobs_url, [Job("tough", 1, run)], None)
    running = asyncio.create_task(worker.run())
    assert await happens(lambda: turns)
    admin = await asyncpg.connect(cluster.url("jobs", superuser=True))
    cut = await admin.fetchval(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'guildbank jobs'"
    )
    await admin.close()
    assert cut > 0
    before = len(turns)
    assert await happens(lambda: len(turns) >= before + 2)
    worker.stop()
    await running
