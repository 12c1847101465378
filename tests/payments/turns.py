"""A turn of a job of payments for one tenant, as the job itself would take it."""

from guildbank.infra.busy_tenants import busy_tenants
from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS
from guildbank.payments.jobs import WAITS, Asking
from guildbank.payments.usecases import Payments


async def turn(work: Asking, payments: Payments, tenant: TenantRef) -> int:
    """Do the work, and insist that the job would not have passed over a tenant that has any."""
    found = await busy_tenants(payments.db, [tenant], WAITS[work])
    done = await work(payments, tenant, ENDLESS)
    assert found or not done, f"nothing was looked for, and there was work: {done}"
    return done
