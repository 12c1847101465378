"""Say which host names lead to a tenant, for its players' calls and the links in its mail."""

from collections.abc import Sequence

from guildbank.infra.acting import HOST
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.kernel import Refusal
from guildbank.tenancy import store
from guildbank.tenancy.contracts import HOST_TAKEN, HOSTS_SET, NO_TENANT
from guildbank.tenancy.rules import check_hosts
from guildbank.tenancy.usecases import Tenancy


class _Taken(Exception):
    """Rolls back: one of the hosts is another tenant's."""


async def set_hosts(
    tenancy: Tenancy, slug: str, hosts: Sequence[str], principal: str = HOST
) -> list[str] | Refusal:
    """Let these hosts, and no others, lead to the tenant; returns them in order.

    Refusals: `not_found`, `invalid_value`, `host_taken`. Other processes follow within a second.
    """
    wrong = check_hosts(hosts)
    if wrong is not None:
        return wrong
    wanted = sorted(set(hosts))
    try:
        async with tenancy.db.begin(CONTROL_SCHEMA) as tx:
            tenant = await store.tenant_to_change(tx, slug)
            if tenant is None:
                return NO_TENANT
            before = await store.hosts_of(tx, tenant.ref.id)
            if not await store.replace_hosts(tx, tenant.ref.id, wanted):
                raise _Taken
            if before != wanted:
                told = {"tenantId": tenant.ref.id}
                await tenancy.journal.record(
                    tx, principal, HOSTS_SET, told, before=before, after=wanted
                )
    except _Taken:
        return HOST_TAKEN
    tenancy.tenants.forget_hosts([*before, *wanted])
    return wanted


async def get_hosts(tenancy: Tenancy, slug: str) -> list[str] | Refusal:
    """Return the hosts that lead to the tenant, or `not_found`."""
    async with tenancy.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
        tenant = await store.tenant_by_slug(tx, slug)
        return NO_TENANT if tenant is None else await store.hosts_of(tx, tenant.ref.id)
