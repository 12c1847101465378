"""Background work of pipelines: processes hear of a publication whose publisher died."""

from typing import Protocol

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.room import Job
from guildbank.infra.tenant import TenantRef
from guildbank.pipelines import fleet, store
from guildbank.pipelines.usecases import Pipelines
from guildbank.tenancy import Tenants


class Services(Protocol):
    """What the job takes of the app's services."""

    @property
    def pipelines(self) -> Pipelines:
        """The parts of pipelines."""
        ...

    @property
    def directory(self) -> Tenants:
        """The register of tenants."""
        ...


async def tell_again(pipelines: Pipelines, tenant: TenantRef) -> int:
    """Tell processes what is published where they were told something else; return how much."""
    async with pipelines.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.pipelines_of(tx.driver, list(pipelines.purposes))
    runs = {one.purpose: (one.published, one.canary) for one in found.values()}
    async with pipelines.db.begin(CONTROL_SCHEMA) as tx:
        told = await fleet.told(tx.driver, tenant.id)
        missed = {
            purpose: one for purpose, one in runs.items() if told.get(purpose, (0, None)) != one
        }
        for purpose, (published, canary) in missed.items():
            await fleet.tell(tx.driver, tenant.id, purpose, published, canary)
    return len(missed)


async def run_telling(services: Services) -> None:
    """Look at every active tenant."""

    async def of_one(tenant: TenantRef) -> None:
        await tell_again(services.pipelines, tenant)

    await each_tenant(await services.directory.all(), of_one, "publications_not_told")


JOBS = (Job("pipelines.tell_again", 60, run_telling),)
