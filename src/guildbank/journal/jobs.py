"""Background work of the journal: checkpoints, partitions ahead, and forgotten counters."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from guildbank.infra.crypto import Vault
from guildbank.infra.database import Database
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.room import Job
from guildbank.infra.tenant import TenantRef
from guildbank.journal.contracts import DEPLOYMENT
from guildbank.journal.counters import forget_counters
from guildbank.journal.usecases.checkpoint import (
    checkpoint_key,
    export_checkpoints,
    sign_checkpoint,
)
from guildbank.journal.usecases.partition import Partitioned, make_partitions
from guildbank.kernel import Clock

CHECKPOINT_SECONDS = 60
PARTITION_SECONDS = 600
FORGET_SECONDS = 3_600


class Services(Protocol):
    """What these jobs need of the app. `partitioned` are tables that other rooms part by seq."""

    db: Database
    data: Path
    vault: Vault
    clock: Clock
    partitioned: Sequence[Partitioned]

    async def tenants(self) -> Sequence[TenantRef]:
        """Return all tenants that are not deleted."""
        ...


def checkpoint_path(data: Path, slug: str) -> Path:
    """Return where a tenant's checkpoints are kept outside the database."""
    return data / "checkpoints" / f"{slug}.ndjson"


async def sign_checkpoints(app: Services) -> None:
    """Sign every journal that has grown, and write what is signed to its file."""

    async def of_one(tenant: TenantRef) -> None:
        key = checkpoint_key(app.vault, tenant.id)
        await sign_checkpoint(app.db, tenant.schema, tenant.slug, key, app.clock)
        path = checkpoint_path(app.data, tenant.slug)
        await export_checkpoints(app.db, tenant.schema, tenant.slug, path)

    journals = [DEPLOYMENT, *await app.tenants()]
    await each_tenant(journals, of_one, "checkpoint_failed", suspended=True)


async def extend_partitions(app: Services) -> None:
    """Make partitions ahead in every journal."""

    async def of_one(tenant: TenantRef) -> None:
        tables = () if tenant is DEPLOYMENT else app.partitioned
        await make_partitions(app.db, tenant.schema, tables)

    journals = [DEPLOYMENT, *await app.tenants()]
    await each_tenant(journals, of_one, "partitions_not_made", suspended=True)


async def forget(app: Services) -> None:
    """Delete counters whose time is over."""

    async def of_one(tenant: TenantRef) -> None:
        async with app.db.begin(tenant.schema) as tx:
            await forget_counters(tx.driver, app.clock.now())

    await each_tenant(await app.tenants(), of_one, "counters_not_forgotten", suspended=True)


JOBS = (
    Job("journal.checkpoints", CHECKPOINT_SECONDS, sign_checkpoints),
    Job("journal.partitions", PARTITION_SECONDS, extend_partitions),
    Job("journal.counters", FORGET_SECONDS, forget),
)
