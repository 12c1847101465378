"""Clear away what operators left to expire: sessions, half sign-ins, links and invitations."""

from guildbank.identity.contracts.operators import SESSION_IDLE
from guildbank.identity.store.operators import factors, invitations, sessions
from guildbank.identity.usecases import Identity
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.tenant import TenantRef


async def forget_ended(identity: Identity) -> None:
    """Delete it on all planes."""

    async def of_one(tenant: TenantRef) -> None:
        await _forget(identity, tenant.schema)

    tenants = await identity.tenants.all()
    await each_tenant(tenants, of_one, "operators_not_tidied", suspended=True)
    await _forget(identity, CONTROL_SCHEMA)


async def _forget(identity: Identity, schema: str) -> None:
    now = identity.clock.now()
    async with identity.db.begin(schema) as tx:
        await sessions.forget(tx.driver, now, now - SESSION_IDLE)
        await factors.forget_tickets(tx.driver, now)
        await invitations.forget(tx.driver, now)
