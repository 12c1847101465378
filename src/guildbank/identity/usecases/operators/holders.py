"""Find the operators whom a permission makes the ones to be told of something."""

from guildbank.identity.contracts.operators import Operator
from guildbank.identity.rules import permitted_by
from guildbank.identity.store.operators import people
from guildbank.identity.store.operators.rights import OPERATOR_RIGHTS
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.journal import fetch_rows

MAX_TOLD = 100
"""So many operators of a tenant are looked at, the first ones; more need not be woken."""


async def holders_of(identity: Identity, tenant: TenantRef, permission: str) -> list[Operator]:
    """Return the tenant's active operators who have the permission, in the order they came."""
    built_in = identity.staff.permissions.tenant_roles
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await people.page(tx.driver, "", MAX_TOLD)
        rights = await fetch_rows(tx.driver, OPERATOR_RIGHTS, [one.id for one in found])
    return [
        one
        for one in found
        if one.state == "active"
        and (held := rights.get(one.id)) is not None
        and permission in held.permissions | permitted_by(held.roles, built_in)
    ]
