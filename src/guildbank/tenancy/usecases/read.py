"""Read the register of tenants, as operators do."""

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import Refusal
from guildbank.tenancy import store
from guildbank.tenancy.contracts import NO_TENANT, Tenant
from guildbank.tenancy.usecases import Tenancy


async def get_tenant(tenancy: Tenancy, slug: str) -> Tenant | Refusal:
    """Return the tenant as it is now, or `not_found`."""
    async with tenancy.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
        return await store.tenant_by_slug(tx, slug) or NO_TENANT


async def list_tenants(tenancy: Tenancy, after: str = "", limit: int = 50) -> list[Tenant]:
    """Return up to `limit` tenants whose slug is greater than `after`, in order."""
    async with tenancy.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
        return await store.tenant_page(tx, after, limit)
