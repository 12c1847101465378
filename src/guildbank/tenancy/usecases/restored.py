"""Let every tenant of a restored database wait until somebody has looked at it."""

from collections.abc import Mapping, Sequence

from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.tenant import TenantRef
from guildbank.tenancy import store
from guildbank.tenancy.contracts import RESTORED
from guildbank.tenancy.usecases import Tenancy


async def mark_restored(
    tenancy: Tenancy, tenants: Sequence[TenantRef], told: Mapping[str, object]
) -> None:
    """Begin a new epoch of all journals, and suspend every tenant.

    The database is behind what providers, games and players know. A suspended tenant takes no
    writes, tells nobody anything and asks no provider for money. No process may write yet.
    """
    for ref in tenants:
        async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
            await store.set_state(tx, ref.id, "suspended")
            await store.see(tx, ref.schema)
            await tenancy.journal.begin_epoch(tx, told, writable=False)
        tenancy.tenants.forget(ref)
    async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
        await tenancy.journal.begin_epoch(tx, told, writable=True)
        facts = {**told, "suspended": [ref.slug for ref in tenants if ref.state == "active"]}
        await tenancy.journal.record(tx, HOST, RESTORED, facts)
