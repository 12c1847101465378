"""Asks many tenants in one message whether a job has anything to do for them.

A deployment has hundreds of tenants, most of which are idle at any moment. A transaction for each
of them, every two seconds and for each job, would cost more than the work itself.
"""

from collections.abc import Iterable, Sequence

import asyncpg
import structlog

from guildbank.infra.database import Database, search_path
from guildbank.infra.tenant import TenantRef

log = structlog.get_logger(__name__)

AT_ONCE = 100
"""How many tenants a message asks: bounded, because it is one transaction."""
FOUND = "guildbank.found"
"""The setting of that transaction in which PostgreSQL gathers the schemas."""


async def busy_schemas(db: Database, schemas: Iterable[str], waits: str) -> set[str]:
    """Return those of the schemas in which the statement `waits` finds a row.

    It takes no parameters, names the tables of one tenant, and has to find a row whenever the work
    would find any. It may find more: the work itself looks again.
    """
    found: set[str] = set()
    every = list(schemas)
    for first in range(0, len(every), AT_ONCE):
        some = every[first : first + AT_ONCE]
        try:
            found |= await _ask(db, some, waits)
        except asyncpg.PostgresError as error:
            # One schema in trouble, such as one that is deleted at this moment, hides no other:
            # the work of each then says by itself what is wrong.
            log.info("tenants_not_asked", tenants=len(some), error=repr(error))
            found.update(some)
    return found


async def busy_tenants(db: Database, tenants: Sequence[TenantRef], waits: str) -> list[TenantRef]:
    """Return the active ones of the tenants for which the statement `waits` finds a row."""
    active = [one for one in tenants if one.state == "active"]
    busy = await busy_schemas(db, [one.schema for one in active], waits)
    return [one for one in active if one.schema in busy]


async def _ask(db: Database, schemas: Sequence[str], waits: str) -> set[str]:
    """Run the statement in each schema: none of them sees more than one, and only names leave."""
    asking = [f"SELECT set_config('{FOUND}', '', true)"]
    for schema in schemas:
        gathered = f"current_setting('{FOUND}') || '{schema} '"
        asking += [
            search_path(schema),
            f"SELECT set_config('{FOUND}', {gathered}, true) WHERE EXISTS ({waits})",
        ]
    async with db.begin(schemas[0], read_only=True) as tx:
        await tx.driver.execute("; ".join(asking))
        said: str = await tx.driver.fetchval(f"SELECT current_setting('{FOUND}')")
    return set(said.split())
