"""Background jobs on procrastinate: each runs on time, once in the whole deployment.

A job sweeps state that it finds by itself, so that nothing is deferred inside a transaction of
the journal (a NOTIFY in its commit would make all tenants wait for each other). Any number of
worker processes may run: the database decides who takes a turn.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.room import Job

log = structlog.get_logger("guildbank.jobs")

QUEUE = "guildbank"
RETRY_SECONDS = 30
"""A failed job is tried again after this, or at its next turn if that is sooner."""
HEARTBEAT_SECONDS = 5.0
STALLED_SECONDS = 20.0
"""A worker without a heartbeat for so long is gone, and its jobs are given up."""
_SECONDS_A_MINUTE, _SECONDS_AN_HOUR, _SECONDS_A_DAY = 60, 3_600, 86_400
_BACK_SECONDS = (0.5, 1.0, 2.0, 5.0)
Run = Callable[[], Awaitable[None]]


class BadInterval(ValueError):
    """A job's interval does not divide a minute, an hour or a day evenly."""


def cron_of(every_seconds: int) -> str:
    """Return the cron expression of an interval; the sixth column is seconds (croniter)."""
    if every_seconds >= 1:
        if _SECONDS_A_MINUTE % every_seconds == 0:
            return f"* * * * * */{every_seconds}"
        if _SECONDS_AN_HOUR % every_seconds == 0 and every_seconds % _SECONDS_A_MINUTE == 0:
            return f"*/{every_seconds // _SECONDS_A_MINUTE} * * * *"
        if _SECONDS_A_DAY % every_seconds == 0 and every_seconds % _SECONDS_AN_HOUR == 0:
            return f"0 */{every_seconds // _SECONDS_AN_HOUR} * * *"
    raise BadInterval(f"a job cannot run every {every_seconds} s: take a divisor of a minute")


class Jobs:
    """The jobs of one worker process; `services` is what each job's `run` is given."""

    def __init__(self, url: str, jobs: Iterable[Job], services: object) -> None:
        self._stopping = asyncio.Event()
        self._jobs = list(jobs)
        self._app = App(
            connector=PsycopgConnector(
                conninfo=url,
                min_size=1,
                max_size=4,
                kwargs={
                    "application_name": "guildbank jobs",
                    "options": f"-c search_path={CONTROL_SCHEMA}",
                },
            )
        )
        self.runs: Mapping[str, Run] = MappingProxyType(
            {job.name: self._declare(job, services) for job in self._jobs}
        )
        """Each job's guarded run by its name: what a turn does."""

    def stop(self) -> None:
        """Let the running jobs finish and begin no other."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`; a database that is away is waited for."""
        failures = 0
        while not self._stopping.is_set():
            try:
                async with self._app.open_async():
                    failures = 0
                    await self._work()
            except (ConnectorException, OSError) as error:
                log.warning("jobs_wait_for_the_database", cause=repr(error))
            pause = _BACK_SECONDS[min(failures, len(_BACK_SECONDS) - 1)]
            failures += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    def _declare(self, job: Job, services: object) -> Run:
        """Register a job as a periodic task that never waits in two copies nor runs in two."""

        async def guarded() -> None:
            try:
                await job.run(services)
            except Exception as error:
                log.error("job_failed", job=job.name, exc_info=error)
                await again()

        async def turn(timestamp: int) -> None:
            await guarded()

        async def again() -> None:
            soon = min(job.every_seconds, RETRY_SECONDS)
            # A turn that is queued already will do as well.
            with suppress(AlreadyEnqueued, ConnectorException):
                await task.configure(schedule_in={"seconds": soon}).defer_async(timestamp=0)

        declared = self._app.task(name=job.name, queue=QUEUE, lock=job.name, queueing_lock=job.name)
        task = declared(turn)
        self._app.periodic(cron=cron_of(job.every_seconds))(task)
        return guarded

    async def _work(self) -> None:
        worker = asyncio.create_task(
            self._app.run_worker_async(
                queues=[QUEUE],
                # Every job may run: a long one must not keep the others from their turns.
                concurrency=max(1, len(self._jobs)),
                fetch_job_polling_interval=1.0,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
            )
        )
        keeping = asyncio.create_task(self._give_up_stalled())
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({worker, keeping, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (worker, keeping, stopping):
                task.cancel()
            ends = await asyncio.gather(worker, keeping, stopping, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def _give_up_stalled(self) -> None:
        """Drop what a killed worker held, since its lock would keep every later turn waiting."""
        manager = self._app.job_manager
        while True:
            await manager.prune_stalled_workers(STALLED_SECONDS)
            for job in await manager.get_stalled_jobs(
                seconds_since_heartbeat=STALLED_SECONDS, queue=QUEUE
            ):
                log.warning("job_given_up", job=job.task_name, cause="its worker is gone")
                await manager.finish_job(job, Status.FAILED, delete_job=True)
            await asyncio.sleep(HEARTBEAT_SECONDS)
