"""Forget which proofs from elsewhere were taken once they are too old to be believed anyway."""

import structlog

from guildbank.identity.store import external as store
from guildbank.identity.usecases import Identity

log = structlog.get_logger(__name__)

AT_ONCE = 500


async def forget_proofs(identity: Identity) -> None:
    """Delete what all tenants need not remember; one's trouble stops no other."""
    for tenant in await identity.tenants.all():
        try:
            forgotten = AT_ONCE
            while forgotten == AT_ONCE:
                async with identity.db.begin(tenant.schema) as tx:
                    now = identity.clock.now()
                    forgotten = await store.forget_once(tx.driver, now, AT_ONCE)
        except Exception as error:  # the next run tries again
            log.warning("proofs_not_tidied", tenant=tenant.slug, error=repr(error))
