"""Give a passkey the name by which its player knows it."""

from guildbank.identity.contracts.factors import NO_FACTOR
from guildbank.identity.store import factors as store
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


async def rename_passkey(
    identity: Identity, tenant: TenantRef, player_id: str, passkey_id: str, name: str
) -> Refusal | None:
    """Rename one of the player's passkeys. Refusal: `not_found`."""
    async with identity.db.begin(tenant.schema) as tx:
        renamed = await store.rename_passkey(tx.driver, player_id, passkey_id, name)
    return None if renamed else NO_FACTOR
