"""Forget which proofs from elsewhere were taken once they are too old to be believed anyway."""

from guildbank.identity.store import external as store
from guildbank.identity.usecases import Identity
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.tenant import TenantRef

AT_ONCE = 500


async def forget_proofs(identity: Identity) -> None:
    """Delete what all tenants need not remember."""

    async def of_one(tenant: TenantRef) -> None:
        forgotten = AT_ONCE
        while forgotten == AT_ONCE:
            async with identity.db.begin(tenant.schema) as tx:
                now = identity.clock.now()
                forgotten = await store.forget_once(tx.driver, now, AT_ONCE)

    tenants = await identity.tenants.all()
    await each_tenant(tenants, of_one, "proofs_not_tidied", suspended=True)
