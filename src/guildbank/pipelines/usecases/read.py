"""Show pipelines and their revisions."""

import msgspec

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.pipelines import fleet, store
from guildbank.pipelines.contracts import NO_PIPELINE, NO_REVISION, Pipeline, Revision, Worker
from guildbank.pipelines.usecases import Pipelines


class Listed(msgspec.Struct, frozen=True):
    """A purpose with its meaning, and its pipeline once there is a revision."""

    purpose: str
    meaning: str
    pipeline: Pipeline | None


async def list_pipelines(pipelines: Pipelines, tenant: TenantRef) -> list[Listed]:
    """Return every purpose that there is, in order."""
    purposes = sorted(pipelines.purposes)
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.pipelines_of(tx.driver, purposes)
    return [Listed(one, pipelines.purposes[one], found.get(one)) for one in purposes]


async def get_pipeline(pipelines: Pipelines, tenant: TenantRef, purpose: str) -> Listed | Refusal:
    """Return one, or `not_found`."""
    found = [one for one in await list_pipelines(pipelines, tenant) if one.purpose == purpose]
    return found[0] if found else NO_PIPELINE


async def list_workers(
    pipelines: Pipelines, tenant: TenantRef, purpose: str
) -> list[Worker] | Refusal:
    """Return every process with what it runs for the purpose. Refusal: `not_found`."""
    if purpose not in pipelines.purposes:
        return NO_PIPELINE
    async with pipelines.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
        return await fleet.workers_of(tx.driver, tenant.id, purpose)


async def list_revisions(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, below: int, limit: int
) -> list[Revision] | Refusal:
    """Return revisions numbered below that, the newest first. Refusal: `not_found`."""
    if purpose not in pipelines.purposes:
        return NO_PIPELINE
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        return await store.revision_page(tx.driver, purpose, below, limit)


async def get_revision(
    pipelines: Pipelines, tenant: TenantRef, purpose: str, number: int
) -> Revision | Refusal:
    """Return one revision, or `not_found`."""
    if purpose not in pipelines.purposes:
        return NO_PIPELINE
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        return await store.revision_at(tx.driver, purpose, number) or NO_REVISION
