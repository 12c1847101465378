"""Say which origins' pages may call for a tenant, in place of those that might before."""

from collections.abc import Sequence

import msgspec

from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import Refusal
from guildbank.tenancy import store
from guildbank.tenancy.contracts import NO_TENANT, Tenant
from guildbank.tenancy.rules import check_origins
from guildbank.tenancy.usecases import Tenancy


async def allow_origins(tenancy: Tenancy, slug: str, origins: Sequence[str]) -> Tenant | Refusal:
    """Return the tenant with exactly these origins; every server knows within seconds.

    Refusals: `invalid_value` with the field `origins.N`, `not_found`.
    """
    wrong = check_origins(origins, "origins")
    if wrong is not None:
        return wrong
    async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
        tenant = await store.tenant_by_slug(tx, slug, lock=True)
        if tenant is None:
            return NO_TENANT
        listed = tuple(dict.fromkeys(origins))
        settings = msgspec.structs.replace(tenant.settings, cors_origins=listed)
        await store.set_settings(tx, tenant.ref.id, settings)
    tenancy.tenants.forget(tenant.ref)
    return msgspec.structs.replace(tenant, settings=settings)
