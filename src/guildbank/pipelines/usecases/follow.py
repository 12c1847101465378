"""Follow publications in one process: make ready what runs, and say what it has made ready.

A purchase reads what is published in its own transaction, so this does not decide what runs. It
starts plugins before the first purchase needs them, and lets an operator see each process.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count

import structlog

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.pipelines import fleet
from guildbank.pipelines.contracts import Problem
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.follow_hooks import AWAY, LOOK_BACK, HookFollower
from guildbank.pipelines.usecases.start import make_ready
from guildbank.tenancy import Tenants

log = structlog.get_logger(__name__)
BEAT_SECONDS = 1.0
_WRITE_BEATS, _FORGET_BEATS = 3, 60
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


async def _again(look: Callable[[], Awaitable[None]]) -> None:
    """Look once a second until cancelled; a database that is away is waited for."""
    while True:
        try:
            await look()
        except AWAY as away:
            log.warning("publications_not_followed", error=repr(away))
        except Exception:  # a defect of one look; operations do without, and it looks again
            log.exception("publications_not_followed")
        await asyncio.sleep(BEAT_SECONDS)


class Follower:
    """Follows for one process of a `kind`, http or jobs."""

    def __init__(self, pipelines: Pipelines, tenants: Tenants, kind: str) -> None:
        self.id = f"{socket.gethostname()[:60]}:{os.getpid()}"
        self._pipelines = pipelines
        self._tenants = tenants
        self._kind = kind
        self._since = _BEGINNING
        self._reported: dict[tuple[str, str], tuple[fleet.Publication, str | None]] = {}

    async def run(self) -> None:
        """Follow until cancelled; a database that is away is waited for."""
        beats = count()
        # By itself: a plugin that is slow to start must not make this process unsure of hooks.
        hooks = asyncio.create_task(_again(HookFollower(self._pipelines, self._tenants).look))
        try:
            await _again(lambda: self.look(next(beats)))
        finally:
            hooks.cancel()
            await asyncio.gather(hooks, return_exceptions=True)
            await self._leave()

    async def look(self, beat: int = 0) -> None:
        """Make ready what was published since the last look, and report it.

        That this process is there is written at some beats only: it is a commit.
        """
        db = self._pipelines.db
        if await self._pipelines.plugins.look_again():
            self._pipelines.forget()
            self._since = _BEGINNING
        writes = beat % _WRITE_BEATS == 0
        async with db.begin(CONTROL_SCHEMA, read_only=not writes) as tx:
            if writes:
                await fleet.beat(tx.driver, self.id, self._kind)
            if beat % _FORGET_BEATS == 0:
                await fleet.forget(tx.driver)
            found = await fleet.publications_since(tx.driver, self._since - LOOK_BACK)
        new = {(one.tenant_id, one.purpose): one for one in found}
        # What did not start is tried again.
        broken = {key: one for key, (one, problem) in self._reported.items() if problem}
        for key, told in {**broken, **new}.items():
            problem = await self._make_ready(told)
            if self._reported.get(key) != (told, problem):
                async with db.begin(CONTROL_SCHEMA) as tx:
                    await fleet.report(tx.driver, self.id, told, problem)
                self._reported[key] = (told, problem)
            self._since = max(self._since, told.at)

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

    async def _leave(self) -> None:
        try:
            async with self._pipelines.db.begin(CONTROL_SCHEMA) as tx:
                await fleet.leave(tx.driver, self.id)
        except AWAY as away:
            log.info("process_not_signed_off", error=repr(away))
