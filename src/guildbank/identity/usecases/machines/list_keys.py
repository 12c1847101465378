"""List keys without their secrets."""

from guildbank.identity.contracts.machines import Key
from guildbank.identity.store import keys as store
from guildbank.identity.usecases import Identity
from guildbank.infra.database import CONTROL_SCHEMA
from guildbank.infra.tenant import TenantRef


async def list_keys(
    identity: Identity, tenant: TenantRef | None, after: str = "", limit: int = 50
) -> list[Key]:
    """Return keys of a tenant (None: of the deployment), oldest first, ended ones too."""
    async with identity.db.begin(CONTROL_SCHEMA, read_only=True) as tx:
        return await store.key_page(tx, None if tenant is None else tenant.id, after, limit)
