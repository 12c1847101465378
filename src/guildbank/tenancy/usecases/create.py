"""Create a tenant: its row and its whole schema in one transaction."""

import asyncio

import asyncpg

from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.migrations import SchemaOutdated, tenant_script
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id
from guildbank.tenancy import store
from guildbank.tenancy.contracts import (
    CREATED,
    SCHEMA_OUTDATED,
    SLUG_TAKEN,
    Mode,
    Tenant,
    TenantSettings,
)
from guildbank.tenancy.rules import check_name, check_settings, check_slug, schema_of
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases.claim_rp_id import claim_rp_id


async def create_tenant(
    tenancy: Tenancy,
    slug: str,
    name: str,
    mode: Mode = "test",
    settings: TenantSettings | None = None,
    principal: str = HOST,
) -> Tenant | Refusal:
    """Return the new tenant.

    Refusals: `invalid_value`, `address_invalid`, `slug_reserved`, `slug_taken`, `rp_id_taken`,
    `migration_pending`.
    """
    settings = settings or TenantSettings()
    wrong = check_slug(slug) or check_name(name) or check_settings(mode, settings)
    if wrong is not None:
        return wrong
    ref = TenantRef(id=new_id("ten"), slug=slug, schema=schema_of(slug), mode=mode, state="active")
    data_key = tenancy.vault.new_data_key(ref.id.encode())
    await asyncio.to_thread(tenant_script)
    try:
        async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
            taken = await claim_rp_id(tenancy, tx, ref.id, settings)
            if taken is not None:
                return taken
            tenant = await store.insert_tenant(tx, ref, name, settings, data_key)
            if tenant is None:
                return SLUG_TAKEN
            await tenancy.make_schema(tx, ref.schema)
            await tenancy.journal.record(
                tx, principal, CREATED, {"tenantId": ref.id, "slug": slug, "mode": mode}
            )
    except SchemaOutdated:
        return SCHEMA_OUTDATED
    except asyncpg.DuplicateSchemaError:
        # A schema of that name that no tenant owns: someone else's, so it is not touched.
        return SLUG_TAKEN
    tenancy.tenants.forget(ref)
    return tenant
