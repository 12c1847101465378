"""Change a tenant's name and settings, and say in its journal which ones and who did it."""

from collections.abc import Callable

from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import Refusal
from guildbank.tenancy import store
from guildbank.tenancy.contracts import CHANGED, NO_TENANT, Tenant, TenantSettings
from guildbank.tenancy.rules import changed_settings, check_name, check_settings
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases.claim_rp_id import claim_rp_id
from guildbank.tenancy.usecases.read import get_tenant


async def change_tenant(
    tenancy: Tenancy,
    slug: str,
    revise: Callable[[TenantSettings], TenantSettings],
    *,
    name: str | None = None,
    principal: str = HOST,
) -> Tenant | Refusal:
    """Return the tenant with what `revise` makes of its settings, read under a lock.

    Other processes follow within a second. A suspended tenant may be changed. A change that
    changes nothing writes nothing. Refusals: `not_found`, `invalid_value`, `address_invalid`,
    `rp_id_taken`.
    """
    async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
        tenant = await store.tenant_to_change(tx, slug)
        if tenant is None:
            return NO_TENANT
        settings = revise(tenant.settings)
        wrong = check_settings(tenant.ref.mode, settings)
        if name is not None:
            wrong = check_name(name) or wrong
        if wrong is None and settings.passkeys != tenant.settings.passkeys:
            wrong = await claim_rp_id(tenancy, tx, tenant.ref.id, settings)
        if wrong is not None:
            return wrong
        changed = changed_settings(tenant.settings, settings)
        if name is not None and name != tenant.name:
            changed.insert(0, "name")
        if not changed:
            return tenant
        await store.save_settings(tx, tenant.ref.id, name or tenant.name, settings)
        await store.see(tx, tenant.ref.schema)
        await tenancy.journal.note(tx, CHANGED, {"changed": changed}, principal)
        await tenancy.journal.record(
            tx,
            principal,
            CHANGED,
            {"tenantId": tenant.ref.id, "changed": changed},
            before={"name": tenant.name, "settings": tenant.settings},
            after={"name": name or tenant.name, "settings": settings},
        )
    tenancy.tenants.forget(tenant.ref)
    return await get_tenant(tenancy, slug)
