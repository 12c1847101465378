"""Do background work for every tenant, so that the trouble of one stops no other's."""

from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import beside

log = structlog.get_logger(__name__)


async def each_tenant(
    tenants: Iterable[TenantRef],
    work: Callable[[TenantRef], Awaitable[object]],
    trouble: str,
    *,
    suspended: bool = False,
    at_once: int = 1,
) -> None:
    """Run `work` for so many tenants at once; what raises is logged as `trouble` and left.

    One after another, unless the work waits for somebody who may be silent (a provider, a server of
    the tenant's): then the others are not to wait too. The job's next run tries again. Suspended
    tenants, who take no writes of their own, are left out unless `suspended`.
    """

    async def of_one(tenant: TenantRef) -> None:
        try:
            await work(tenant)
        except Exception as error:
            log.warning(trouble, tenant=tenant.slug, error=repr(error))

    served = [one for one in tenants if one.state == "active" or suspended]
    await beside([partial(of_one, tenant) for tenant in served], at_once)
