"""Proves the books straight in the database: no server is needed to know whether they add up."""

import asyncio

from guildbank.app.verify import chosen_tenants
from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.ledger.usecases.prove import Proof
from guildbank.ledger.usecases.prove import prove as prove_ledger


def prove(settings: Settings, slug: str | None) -> list[tuple[str, Proof]]:
    """Return the proof of one tenant by its slug, or of all; raises NoTenant."""
    return asyncio.run(_prove(settings, slug))


async def _prove(settings: Settings, slug: str | None) -> list[tuple[str, Proof]]:
    services = open_services(settings, application="guildbank prove")
    try:
        tenants = await chosen_tenants(services, slug)
        return [
            (one.slug, await prove_ledger(services.db, one.schema, services.proving.balances))
            for one in tenants
        ]
    finally:
        await services.close()
