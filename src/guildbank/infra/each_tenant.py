"""Do background work for every tenant, so that the trouble of one stops no other's."""

from collections.abc import Awaitable, Callable, Iterable

import structlog

from guildbank.infra.tenant import TenantRef

log = structlog.get_logger(__name__)


async def each_tenant(
    tenants: Iterable[TenantRef],
    work: Callable[[TenantRef], Awaitable[object]],
    trouble: str,
    *,
    suspended: bool = False,
) -> None:
    """Run `work` for one tenant after another; what raises is logged as `trouble` and left.

    The job's next run tries again. Suspended tenants, who take no writes of their own, are left out
    unless `suspended`.
    """
    for tenant in tenants:
        if tenant.state != "active" and not suspended:
            continue
        try:
            await work(tenant)
        except Exception as error:
            log.warning(trouble, tenant=tenant.slug, error=repr(error))
