"""Read packs as they are sold now, or one version of one."""

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.store.contracts import NO_PACK, Pack
from guildbank.store.store import newest_pack, pack_page, pack_version
from guildbank.store.usecases import Store


async def get_pack(
    store: Store, tenant: TenantRef, pack_id: str, version: int | None = None
) -> Pack | Refusal:
    """Return the pack, its newest version unless one is named, or `not_found`."""
    if parse_id("pack", pack_id) is None:
        return NO_PACK
    async with store.db.begin(tenant.schema, read_only=True) as tx:
        if version is None:
            return await newest_pack(tx.driver, pack_id) or NO_PACK
        return await pack_version(tx.driver, pack_id, version) or NO_PACK


async def list_packs(store: Store, tenant: TenantRef, after: str, limit: int) -> list[Pack]:
    """Return the newest versions, oldest pack first."""
    async with store.db.begin(tenant.schema, read_only=True) as tx:
        return await pack_page(tx.driver, after, limit)
