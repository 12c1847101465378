"""Verifies journals straight in the database: it must work when no server does."""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from guildbank.app.wiring import CHAINED, Services, open_services
from guildbank.infra.config import Settings
from guildbank.journal import (
    DEPLOYMENT,
    CheckedFile,
    Verified,
    check_checkpoints,
    checkpoint_key,
    verify_journal,
)
from guildbank.journal.jobs import checkpoint_path
from guildbank.tenancy import TenantRef

Progress = Callable[[str, int, int], None]
"""Called with a tenant's slug, its last verified seq, and its last seq of all."""


class NoTenant(Exception):
    """The tenant that was named does not exist."""


class Verdict(NamedTuple):
    """What became of one tenant: its journal, and its file of checkpoints if there is one."""

    slug: str
    journal: Verified
    checkpoints: CheckedFile | None

    @property
    def sound(self) -> bool:
        """Whether every byte is as it was written."""
        return self.journal.damage is None and not (self.checkpoints and self.checkpoints.problem)


def verify(settings: Settings, slug: str | None, progress: Progress) -> list[Verdict]:
    """Verify the journal of one tenant, or all and the deployment's own; raises NoTenant."""
    return asyncio.run(_verify(settings, slug, progress))


async def _verify(settings: Settings, slug: str | None, progress: Progress) -> list[Verdict]:
    services = open_services(settings, application="guildbank verify")
    try:
        own = [DEPLOYMENT] if slug in (None, DEPLOYMENT.slug) else []
        tenants = [] if slug == DEPLOYMENT.slug else await chosen_tenants(services, slug)
        return [await _one(services, one, progress) for one in (*own, *tenants)]
    finally:
        await services.close()


async def chosen_tenants(services: Services, slug: str | None) -> list[TenantRef]:
    """Return the tenant of this slug, or all; raises NoTenant."""
    tenants = [one for one in await services.tenants() if slug in (None, one.slug)]
    if slug is not None and not tenants:
        raise NoTenant(f"There is no tenant {slug!r}.")
    return tenants


async def _one(services: Services, tenant: TenantRef, progress: Progress) -> Verdict:
    journal = await verify_journal(
        services.db,
        tenant.schema,
        () if tenant is DEPLOYMENT else CHAINED,
        lambda seq, last: progress(tenant.slug, seq, last),
    )
    path = checkpoint_path(services.data, tenant.slug)
    if not await asyncio.to_thread(path.exists):
        return Verdict(tenant.slug, journal, None)
    trusted = {checkpoint_key(services.vault, tenant.id).public_key}
    checked = await check_checkpoints(services.db, tenant.schema, tenant.slug, path, trusted)
    return Verdict(tenant.slug, journal, checked)
