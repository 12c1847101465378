"""Find a tenant on every request: an answer at most a second old, in every process."""

from collections.abc import Iterable

from guildbank.infra.cache import Recent
from guildbank.infra.crypto import DataKey, Vault
from guildbank.infra.database import CONTROL_SCHEMA, Database
from guildbank.infra.tenant import TenantRef
from guildbank.tenancy import store
from guildbank.tenancy.contracts import Tenant, TenantSettings
from guildbank.tenancy.rules import is_slug

FRESH_SECONDS = 1.0
ORIGINS_FRESH_SECONDS = 5.0


class Tenants:
    """Looks tenants up. A deleted one is not there.

    A suspended tenant may look active for a second; its journal refuses writes at once all the
    same, because that is decided under its lock.
    """

    def __init__(self, db: Database, vault: Vault) -> None:
        self._db = db
        self._vault = vault
        self._by_slug = Recent(self._load_slug, seconds=FRESH_SECONDS)
        self._by_id = Recent(self._load_id, seconds=FRESH_SECONDS)
        self._by_host = Recent(self._load_host, seconds=FRESH_SECONDS)
        self._origins = Recent(self._load_origins, seconds=ORIGINS_FRESH_SECONDS)

    async def by_slug(self, slug: str) -> TenantRef | None:
        """Return the tenant of this slug."""
        return await self._by_slug.get(slug) if is_slug(slug) else None

    async def by_id(self, tenant_id: str) -> TenantRef | None:
        """Return the tenant of this id (`ten_...`)."""
        found = await self._by_id.get(tenant_id)
        return None if found is None else found[0].ref

    async def tenant(self, tenant_id: str) -> Tenant | None:
        """Return the tenant with its name and policies."""
        found = await self._by_id.get(tenant_id)
        return None if found is None else found[0]

    async def by_host(self, host: str) -> TenantRef | None:
        """Return the tenant to which the host leads, as `read_host` gives it."""
        tenant_id = await self._by_host.get(host)
        return None if tenant_id is None else await self.by_id(tenant_id)

    async def settings(self, tenant_id: str) -> TenantSettings | None:
        """Return the tenant's policies."""
        found = await self._by_id.get(tenant_id)
        return None if found is None else found[0].settings

    async def data_key(self, tenant_id: str) -> DataKey | None:
        """Return the key under which the tenant's secrets are sealed."""
        found = await self._by_id.get(tenant_id)
        return None if found is None else found[1]

    async def sealer(self, tenant: TenantRef | None) -> DataKey | Vault:
        """Return what seals what a tenant keeps, or the deployment where `tenant` is None.

        Not for the inside of a transaction: the key may need a connection of its own.
        """
        if tenant is None:
            return self._vault
        key = await self.data_key(tenant.id)
        if key is None:
            raise LookupError(f"tenant {tenant.slug} is gone")
        return key

    async def lists_origin(self, origin: str, tenant_id: str | None) -> bool:
        """Say whether the tenant lists the origin; without one, whether any does."""
        if tenant_id is None:
            return origin in await self._origins.get(None)
        settings = await self.settings(tenant_id)
        return settings is not None and origin in settings.cors_origins

    async def all(self) -> list[TenantRef]:
        """Return every tenant, in the order of slugs; for jobs, so never cached."""
        refs: list[TenantRef] = []
        while True:
            async with self._db.begin(CONTROL_SCHEMA, read_only=True) as tx:
                page = await store.tenant_page(tx, refs[-1].slug if refs else "", 500)
            refs.extend(tenant.ref for tenant in page)
            if len(page) < 500:
                return refs

    def forget(self, ref: TenantRef) -> None:
        """Drop what is known of a tenant, after this process changed it."""
        self._by_slug.forget(ref.slug)
        self._by_id.forget(ref.id)
        self._origins.clear()

    def forget_hosts(self, hosts: Iterable[str]) -> None:
        """Drop where these hosts lead, after this process changed it."""
        for host in hosts:
            self._by_host.forget(host)

    async def _load_host(self, host: str) -> str | None:
        async with self._db.connect() as tx:
            return await store.tenant_of_host(tx, host)

    async def _load_slug(self, slug: str) -> TenantRef | None:
        async with self._db.connect() as tx:
            tenant = await store.tenant_by_slug(tx, slug)
        return None if tenant is None else tenant.ref

    async def _load_origins(self, _every: None) -> frozenset[str]:
        async with self._db.begin(CONTROL_SCHEMA, read_only=True) as tx:
            return await store.listed_origins(tx)

    async def _load_id(self, id_: str) -> tuple[Tenant, DataKey] | None:
        async with self._db.connect() as tx:
            found = await store.tenant_with_key(tx, id_)
        if found is None:
            return None
        tenant, wrapped = found
        return tenant, self._vault.data_key(wrapped, id_.encode())
