"""Reads straight in the database what reports of providers say that the books do not."""

import asyncio
from collections.abc import Mapping

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.payments.usecases.read_reconciliations import count_differences


def read_differences(settings: Settings) -> Mapping[str, int]:
    """Return how many lines of the last week's reports differ, by the tenant's slug."""
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> Mapping[str, int]:
    services = open_services(settings, application="guildbank cli")
    try:
        found = {
            tenant.slug: await count_differences(services.payments, tenant)
            for tenant in await services.tenants()
        }
    finally:
        await services.close()
    return {slug: count for slug, count in found.items() if count}
