"""Reads straight in the database what waits for somebody at each tenant, of which doctor tells."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.infra.tenant import TenantRef
from guildbank.payments import Payments
from guildbank.payments.usecases.read_disputes import disputes_due
from guildbank.payments.usecases.read_reconciliations import count_differences
from guildbank.payments.usecases.read_requests import overdue_requests

Count: TypeAlias = Callable[[Payments, TenantRef], Awaitable[int]]


class Waiting(NamedTuple):
    """What waits: `said` follows its number and whose it is, `tenants` has the numbers by slug."""

    part: str
    said: str
    tenants: Mapping[str, int]


KINDS: tuple[tuple[str, str, Count], ...] = (
    (
        "refund requests",
        "have waited for more than 72 hours; decide on them: "
        "GET /v1/refund-requests?state=open lists them",
        overdue_requests,
    ),
    (
        "disputes",
        "have to be answered within 72 hours; GET /v1/disputes?dueWithinHours=72 lists them",
        disputes_due,
    ),
    (
        "reconciliation",
        "were reported in the last week and differ from the books; "
        "see docs/reconcile-with-a-provider.md",
        count_differences,
    ),
)


def read_waiting(settings: Settings) -> list[Waiting]:
    """Return what waits anywhere; raises what opening the services raises."""
    return asyncio.run(_read(settings))


async def _read(settings: Settings) -> list[Waiting]:
    services = open_services(settings, application="guildbank cli")
    found = []
    try:
        tenants = await services.tenants()
        for part, said, count in KINDS:
            numbers = {one.slug: await count(services.payments, one) for one in tenants}
            waits = {slug: number for slug, number in numbers.items() if number}
            if waits:
                found.append(Waiting(part, said, waits))
    finally:
        await services.close()
    return found
