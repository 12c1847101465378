"""Keep what this process knows of hooks as new as the last second."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic

import asyncpg
import structlog

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.tenant import TenantRef
from guildbank.pipelines import fleet, store
from guildbank.pipelines.contracts import Pipeline
from guildbank.pipelines.usecases import Pipelines
from guildbank.pipelines.usecases.hooked import Running, runs
from guildbank.tenancy import Tenants

log = structlog.get_logger(__name__)
LOOK_BACK = timedelta(seconds=10)
"""Longer than a publication takes to be seen after the moment that it bears."""
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError)


class HookFollower:
    """Reads which verbs have hooks; it starts no plugin, so none of those can make it late."""

    def __init__(self, pipelines: Pipelines, tenants: Tenants) -> None:
        self._pipelines = pipelines
        self._tenants = tenants
        self._since = datetime(1970, 1, 1, tzinfo=UTC)
        self._unread: set[str] = set()

    async def look(self) -> None:
        """Learn what was published for verbs since the last look."""
        pipelines, began = self._pipelines, monotonic()
        async with pipelines.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            found = await fleet.publications_since(tx.driver, self._since - LOOK_BACK)
        new = {one.tenant_id for one in found if one.purpose in pipelines.verbs}
        for tenant_id in new | self._unread:
            tenant = await self._tenants.by_id(tenant_id)
            if tenant is not None and tenant.state != "deleted":
                await self._learn(tenant)
        self._since = max((one.at for one in found), default=self._since)
        pipelines.hooked.trust(began)

    async def _learn(self, tenant: TenantRef) -> None:
        try:
            found = await _read(self._pipelines, tenant)
        except AWAY as away:
            log.warning("hooks_not_read", tenant=tenant.slug, error=repr(away))
            self._pipelines.hooked.doubt(tenant.schema)
            self._unread.add(tenant.id)
            return
        self._unread.discard(tenant.id)
        self._pipelines.hooked.learn(tenant.schema, found.values())


async def hooks_now(pipelines: Pipelines, tenant: TenantRef) -> Running:
    """Return what the tenant runs for its verbs, by the database.

    One that is away is waited for as the journal waits; then what it raised is raised.
    """
    found: Mapping[str, Pipeline] | None = None
    for pause in _PAUSES:
        try:
            found = await _read(pipelines, tenant)
            break
        except AWAY:
            await asyncio.sleep(pause)
    if found is None:
        found = await _read(pipelines, tenant)
    return {verb: one for verb, one in found.items() if runs(one)}


async def _read(pipelines: Pipelines, tenant: TenantRef) -> Mapping[str, Pipeline]:
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        return await store.pipelines_of(tx.driver, sorted(pipelines.verbs))
