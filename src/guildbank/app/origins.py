"""Answers the HTTP edge which pages may read what, from tenants' settings and callers' keys."""

from guildbank.identity import Authenticator
from guildbank.infra.http import Caller
from guildbank.tenancy import TenantRef, Tenants

CLIENT_HEADER = "x-guildbank-key"


class TenantOrigins:
    """`infra.http.cors.Origins` over tenants and their publishable keys."""

    def __init__(self, tenants: Tenants, authenticator: Authenticator) -> None:
        self._tenants = tenants
        self._authenticator = authenticator

    async def allowed(self, origin: str, caller: Caller | None, key: str | None) -> bool:
        """See `Origins`. A key of the deployment has no business in a browser.

        An operator's page is of the host itself, which is no other origin.
        """
        if caller is not None and caller.kind == "operator":
            return False
        if caller is not None:
            tenant = caller.tenant
            return tenant is not None and await self._tenants.lists_origin(origin, tenant.id)
        named = None
        if key is not None:
            named = await self._authenticator.named_tenant({CLIENT_HEADER: key})
        tenant_id = named.id if isinstance(named, TenantRef) else None
        return await self._tenants.lists_origin(origin, tenant_id)
