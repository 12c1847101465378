"""Reads straight in the database which tenants leave their players' refund requests unanswered."""

import asyncio
from collections.abc import Mapping

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.payments.usecases.read_requests import overdue_requests


def read_overdue_requests(settings: Settings) -> Mapping[str, int]:
    """Return how many requests have waited for more than 72 hours, by the tenant's slug."""
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> Mapping[str, int]:
    services = open_services(settings, application="guildbank cli")
    try:
        found = {
            tenant.slug: await overdue_requests(services.payments, tenant)
            for tenant in await services.tenants()
        }
    finally:
        await services.close()
    return {slug: count for slug, count in found.items() if count}
