"""Background work of approvals: requests that nobody decided in time."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from guildbank.approvals.usecases import FourEyes
from guildbank.approvals.usecases.end import expire
from guildbank.infra.room import Job
from guildbank.infra.tenant import TenantRef

log = structlog.get_logger(__name__)
EXPIRE_SECONDS = 30


class Services(Protocol):
    """What the jobs take of the app's services."""

    @property
    def four_eyes(self) -> FourEyes:
        """The parts of approvals."""
        ...

    async def tenants(self) -> Sequence[TenantRef]:
        """Return all tenants that are not deleted."""
        ...


async def run_expiry(services: Services) -> None:
    """End due requests of active tenants and of the deployment; one's trouble stops no other."""
    active = [tenant for tenant in await services.tenants() if tenant.state == "active"]
    for tenant in (None, *active):
        try:
            await expire(services.four_eyes, tenant)
        except Exception as error:  # the next run tries again
            slug = None if tenant is None else tenant.slug
            log.warning("approvals_not_expired", tenant=slug, error=repr(error))


JOBS = (Job("approvals.expire", EXPIRE_SECONDS, run_expiry),)
