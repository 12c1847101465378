"""Background work of wallets: holds whose time is over."""

from collections.abc import Sequence
from typing import Protocol

from guildbank.infra.busy_tenants import busy_tenants
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.room import Job
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Receipt
from guildbank.kernel import TimedSeq
from guildbank.kernel.ids import epoch_ms
from guildbank.wallets.contracts import ReleaseHold
from guildbank.wallets.purses import DUE_HOLDS, due_holds
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.hold import ReleaseAct

PAGE = 500
EXPIRE_SECONDS = 5
SYSTEM = "system"


class Services(Protocol):
    """What the jobs take of the app's services."""

    @property
    def wallets(self) -> Wallets:
        """The parts of wallets."""
        ...

    async def tenants(self) -> Sequence[TenantRef]:
        """Return all tenants that are not deleted."""
        ...


async def expire_holds(wallets: Wallets, tenant: TenantRef) -> int:
    """Release every hold of the tenant whose time is over; return how many."""
    released = 0
    while True:
        async with wallets.db.begin(tenant.schema, read_only=True) as tx:
            due = await due_holds(tx.driver, PAGE)
        acts = [
            ReleaseAct(SYSTEM, None, ReleaseHold(""), TimedSeq(seq, epoch_ms(at)), expiring=True)
            for seq, at in due
        ]
        outcomes = await wallets.journal.submit_each(tenant.schema, acts) if acts else []
        done = sum(1 for outcome in outcomes if isinstance(outcome, Receipt))
        released += done
        # A page of which nothing was released would only be read again.
        if len(due) < PAGE or done == 0:
            return released


async def run_expiry(services: Services) -> None:
    """Release due holds of every active tenant."""

    async def of_one(tenant: TenantRef) -> None:
        await expire_holds(services.wallets, tenant)

    tenants = await services.tenants()
    due = await busy_tenants(services.wallets.db, tenants, DUE_HOLDS)
    await each_tenant(due, of_one, "wallets_job_failed")


JOBS = (Job("wallets.expire_holds", EXPIRE_SECONDS, run_expiry),)
