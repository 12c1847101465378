"""Follow publications in one process: make ready what runs, and say what it has made ready.

A purchase reads what is published in its own transaction, so this does not decide what runs. It
starts plugins before the first purchase needs them, and lets an operator see each process.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial

import structlog

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.pipelines import fleet
from guildbank.pipelines.contracts import Problem
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.follow_hooks import AWAY, LOOK_BACK, HookFollower
from guildbank.pipelines.usecases.start import make_ready
from guildbank.tenancy import Tenants

log = structlog.get_logger(__name__)
LOOK_SECONDS = 1.0
BEAT_SECONDS = 3.0
FORGET_SECONDS = 60.0
"""How often it looks for what is new, says that this process lives, forgets those that do not."""
PLACES = 8
PATIENCE_SECONDS = 0.5
"""So many pipelines are made ready at once; one that takes longer than this leaves its place."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_Key = tuple[str, str]


async def _again(act: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Do it again and again until cancelled; a database that is away is waited for."""
    while True:
        try:
            await act()
        except AWAY as away:
            log.warning("publications_not_followed", error=repr(away))
        except Exception:  # a defect of one look; operations do without, and it looks again
            log.exception("publications_not_followed")
        await asyncio.sleep(seconds)


class Follower:
    """Follows for one process of a `kind`, http or jobs."""

    def __init__(self, pipelines: Pipelines, tenants: Tenants, kind: str) -> None:
        self.id = f"{socket.gethostname()[:60]}:{os.getpid()}"
        self._pipelines = pipelines
        self._tenants = tenants
        self._kind = kind
        self._since = _BEGINNING
        self._renewed, self._heard = 0, -1
        """How often plugins were replaced, and after which of these all was read again."""
        self._reported: dict[_Key, tuple[fleet.Publication, str | None]] = {}
        self._due: dict[_Key, fleet.Publication] = {}
        self._tasks: dict[_Key, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(PLACES)

    async def run(self) -> None:
        """Follow until cancelled; a database that is away is waited for.

        Each part goes by itself: a plugin that is slow to start must not make this process unsure
        of hooks, nor unseen, nor late for other tenants.
        """
        hooks = HookFollower(self._pipelines, self._tenants)
        parts = [
            asyncio.create_task(_again(hooks.look, LOOK_SECONDS)),
            asyncio.create_task(_again(self.renew, LOOK_SECONDS)),
            asyncio.create_task(_again(self.beat, BEAT_SECONDS)),
            asyncio.create_task(_again(self._forget, FORGET_SECONDS)),
        ]
        try:
            await _again(self.hear, LOOK_SECONDS)
        finally:
            parts += self._tasks.values()
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
            await self._leave()

    async def look(self) -> None:
        """Say that this process is there, and wait until all that is new is ready and reported."""
        await self.beat()
        await self.renew()
        await self.hear()
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    async def beat(self) -> None:
        """Say that this process is there."""
        async with self._pipelines.db.begin(CONTROL_SCHEMA) as tx:
            await fleet.beat(tx.driver, self.id, self._kind)

    async def renew(self) -> None:
        """Take up plugins that were installed or removed since; all is made ready again then."""
        if await self._pipelines.plugins.look_again():
            self._pipelines.forget()
            self._renewed += 1

    async def hear(self) -> None:
        """Begin to make ready what was published since the last time, each pipeline by itself."""
        renewed = self._renewed
        since = self._since if renewed == self._heard else _BEGINNING
        async with self._pipelines.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            found = await fleet.publications_since(tx.driver, since - LOOK_BACK)
        # What did not start is tried again.
        broken = {key: one for key, (one, problem) in self._reported.items() if problem}
        self._due = {**broken, **self._due, **{(one.tenant_id, one.purpose): one for one in found}}
        self._since, self._heard = max([since, *(one.at for one in found)]), renewed
        for key in self._due.keys() - self._tasks.keys():
            task = self._tasks[key] = asyncio.create_task(self._in_turn(key))
            task.add_done_callback(partial(self._ended, key))

    def _ended(self, key: _Key, _: asyncio.Task[None]) -> None:
        del self._tasks[key]

    async def _in_turn(self, key: _Key) -> None:
        """Catch up with one pipeline when there is a place, which one that hangs does not keep."""
        async with self._places:
            work = asyncio.create_task(self._catch_up(key))
            try:
                await asyncio.wait({work}, timeout=PATIENCE_SECONDS)
            except asyncio.CancelledError:
                work.cancel()
                raise
        await work

    async def _catch_up(self, key: _Key) -> None:
        """Make ready and report what is due for one pipeline, and what becomes due meanwhile."""
        while (told := self._due.pop(key, None)) is not None:
            try:
                problem = await self._make_ready(told)
                if self._reported.get(key) != (told, problem):
                    async with self._pipelines.db.begin(CONTROL_SCHEMA) as tx:
                        await fleet.report(tx.driver, self.id, told, problem)
                    self._reported[key] = (told, problem)
            except Exception as error:  # of this pipeline alone: it is due again
                self._due.setdefault(key, told)
                if isinstance(error, AWAY):
                    log.warning("publication_not_followed", tenant=key[0], error=repr(error))
                else:
                    log.exception("publication_not_followed", tenant=key[0])
                return

    async def _make_ready(self, told: fleet.Publication) -> str | None:
        pipelines = self._pipelines
        tenant = await self._tenants.by_id(told.tenant_id)
        if tenant is None or tenant.state == "deleted":
            return None
        found: Problem | None = None
        for number in {told.published, told.canary or told.published}:
            async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
                stages = await pipelines.stages(tx.driver, tenant.schema, told.purpose, number)
            if stages is None:
                return f"Revision {number} is not there."
            problem = await make_ready(pipelines, tenant, told.purpose, number, stages)
            found = found or problem
        return None if found is None else f"{found.field}: {found.detail}"

    async def _forget(self) -> None:
        async with self._pipelines.db.begin(CONTROL_SCHEMA) as tx:
            await fleet.forget(tx.driver)

    async def _leave(self) -> None:
        try:
            async with self._pipelines.db.begin(CONTROL_SCHEMA) as tx:
                await fleet.leave(tx.driver, self.id)
        except AWAY as away:
            log.info("process_not_signed_off", error=repr(away))
