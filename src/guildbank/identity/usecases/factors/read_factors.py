"""Read what a player has for a second factor, and what the tenant asks and offers."""

from collections.abc import Sequence

from guildbank.identity.contracts.factors import Factors, Passkey, Policy
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.store import factors as store
from guildbank.identity.usecases import Identity
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


async def read_policy(identity: Identity, tenant: TenantRef) -> Policy:
    """Return what the tenant asks and offers."""
    found = await identity.tenants.tenant(tenant.id)
    if found is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    settings = found.settings
    return Policy(
        second_factor=settings.second_factor,
        passkeys=settings.passkeys,
        brand=settings.mail.brand_name or found.name,
    )


async def read_factors(
    identity: Identity, tenant: TenantRef, player_id: str
) -> tuple[Factors, Policy] | Refusal:
    """Return what the player has, and the tenant's policy. Refusal: `not_found`."""
    policy = await read_policy(identity, tenant)
    rp_id = None if policy.passkeys is None else policy.passkeys.rp_id
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        factors = await store.read(tx.driver, player_id, rp_id)
    return NO_PLAYER if factors is None else (factors, policy)


async def list_passkeys(identity: Identity, tenant: TenantRef, player_id: str) -> Sequence[Passkey]:
    """Return the player's passkeys, oldest first; 20 at most."""
    policy = await read_policy(identity, tenant)
    rp_id = None if policy.passkeys is None else policy.passkeys.rp_id
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        return await store.passkeys(tx.driver, player_id, rp_id)
