"""Suspend a tenant, which refuses writes and keeps reads, and resume it."""

from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import Refusal
from guildbank.tenancy import store
from guildbank.tenancy.contracts import NO_TENANT, RESUMED, SUSPENDED, State, Tenant
from guildbank.tenancy.usecases import Tenancy
from guildbank.tenancy.usecases.read import get_tenant


async def suspend_tenant(tenancy: Tenancy, slug: str, principal: str = HOST) -> Tenant | Refusal:
    """Stop all writes. Once this returns, none is in flight and none will be accepted.

    A suspended tenant stays so. Refusal: `not_found`.
    """
    return await _set_writable(tenancy, slug, principal, writable=False)


async def resume_tenant(tenancy: Tenancy, slug: str, principal: str = HOST) -> Tenant | Refusal:
    """Accept writes again. An active tenant stays so. Refusal: `not_found`."""
    return await _set_writable(tenancy, slug, principal, writable=True)


async def _set_writable(
    tenancy: Tenancy, slug: str, principal: str, *, writable: bool
) -> Tenant | Refusal:
    async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
        tenant = await store.tenant_to_change(tx, slug)
        if tenant is None:
            return NO_TENANT
        # The journal's lock waits for the batch in flight; the state is read under that lock.
        await store.see(tx, tenant.ref.schema)
        await tenancy.journal.set_writable(tx, writable, principal)
        await store.see(tx, CONTROL_SCHEMA)
        state: State = "active" if writable else "suspended"
        await store.set_state(tx, tenant.ref.id, state)
        if tenant.ref.state != state:
            kind = RESUMED if writable else SUSPENDED
            await tenancy.journal.record(tx, principal, kind, {"tenantId": tenant.ref.id})
    tenancy.tenants.forget(tenant.ref)
    return await get_tenant(tenancy, slug)
