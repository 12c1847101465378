"""Reads straight in the database which tenants have disputes that are to be answered soon."""

import asyncio
from collections.abc import Mapping

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.payments.usecases.read_disputes import disputes_due


def read_due_disputes(settings: Settings) -> Mapping[str, int]:
    """Return how many disputes are to be answered within 72 hours, by the tenant's slug."""
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> Mapping[str, int]:
    services = open_services(settings, application="guildbank cli")
    try:
        found = {
            tenant.slug: await disputes_due(services.payments, tenant)
            for tenant in await services.tenants()
        }
    finally:
        await services.close()
    return {slug: count for slug, count in found.items() if count}
