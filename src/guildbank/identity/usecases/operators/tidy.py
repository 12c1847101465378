"""Clear away what operators left to expire: sessions, half sign-ins, links and invitations."""

import structlog

from guildbank.identity.contracts.operators import SESSION_IDLE
from guildbank.identity.store.operators import factors, invitations, sessions
from guildbank.identity.usecases import Identity
from guildbank.infra.database import CONTROL_SCHEMA

log = structlog.get_logger(__name__)


async def forget_ended(identity: Identity) -> None:
    """Delete it on all planes; one's trouble stops no other."""
    schemas = [tenant.schema for tenant in await identity.tenants.all()]
    now = identity.clock.now()
    for schema in (CONTROL_SCHEMA, *schemas):
        try:
            async with identity.db.begin(schema) as tx:
                await sessions.forget(tx.driver, now, now - SESSION_IDLE)
                await factors.forget_tickets(tx.driver, now)
                await invitations.forget(tx.driver, now)
        except Exception as error:  # the next run tries again
            log.warning("operators_not_tidied", schema=schema, error=repr(error))
