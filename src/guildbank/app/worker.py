"""The background process: jobs on their times, and subscribers behind the journal's cursors."""

import asyncio
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from guildbank.app.memory import load, settle
from guildbank.app.places import database_url
from guildbank.app.schema import wait_until_current
from guildbank.infra.config import Settings
from guildbank.infra.postgres import ClusterError


def work(settings: Settings) -> int:
    """Work until SIGTERM or SIGINT, then let running jobs finish; returns an exit code."""
    load()
    import uvloop

    from guildbank.app.rooms import all_rooms
    from guildbank.infra.telemetry import set_up_logging

    set_up_logging(settings.log_format, settings.log_level)
    all_rooms()
    uvloop.run(_work(settings))
    return 0


async def _work(settings: Settings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    waiting = asyncio.create_task(wait_until_current(partial(_url, settings)))
    stopping: asyncio.Task[bool] = asyncio.create_task(stopped.wait())
    await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stopped.is_set():
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return
    await waiting
    await _run(settings, stopping)


async def _run(settings: Settings, stopping: "asyncio.Task[bool]") -> None:
    from guildbank.app.rooms import all_rooms, jobs_of
    from guildbank.app.wiring import open_services
    from guildbank.infra.jobs import Jobs
    from guildbank.infra.limits.jobs import SWEEP_COUNTERS
    from guildbank.journal import Listener
    from guildbank.pipelines import Follower

    services = open_services(settings, application="guildbank worker")

    async def schemas() -> Sequence[str]:
        return [tenant.schema for tenant in await services.tenants()]

    jobs = Jobs(services.url, [*jobs_of(all_rooms()), SWEEP_COUNTERS], services)
    listener = Listener(services.db, services.url, services.subscribers, schemas)
    settle()
    listening = asyncio.create_task(listener.run())
    follower = Follower(services.pipelines, services.directory, "jobs")
    following = asyncio.create_task(follower.run())
    working = asyncio.create_task(jobs.run())
    try:
        await asyncio.wait({working, listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
        jobs.stop()
        await working
    finally:
        for task in (following, listening):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await services.close()


def _url(settings: Settings) -> str | None:
    try:
        return database_url(settings)
    except ClusterError:
        return None


if __name__ == "__main__":
    sys.exit(work(Settings.load()))
