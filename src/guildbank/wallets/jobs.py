"""Background work of wallets: holds whose time is over, counters that no limit needs."""

from guildbank.infra.tenant import TenantRef
from guildbank.journal import forget_counters
from guildbank.kernel import TimedSeq
from guildbank.kernel.ids import epoch_ms
from guildbank.wallets.contracts import ReleaseHold
from guildbank.wallets.purses import due_holds
from guildbank.wallets.usecases import Wallets
from guildbank.wallets.usecases.hold import ReleaseAct

PAGE = 500
SYSTEM = "system"


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
        if acts:
            await wallets.journal.submit_each(tenant.schema, acts)
        released += len(due)
        if len(due) < PAGE:
            return released


async def clean_counters(wallets: Wallets, tenant: TenantRef) -> None:
    """Forget counters whose time is over."""
    async with wallets.db.begin(tenant.schema) as tx:
        now = await tx.driver.fetchval("SELECT now()")
        await forget_counters(tx.driver, now)
