"""Check what a player answers when asked for a second factor; each proof is good once."""

from guildbank.identity.contracts.factors import (
    FACTOR_FAILED,
    WAY_NOT_OPEN,
    Answer,
    Factors,
    Policy,
)
from guildbank.identity.rules import bare_code, totp_step, ways_to_prove
from guildbank.identity.store import factors as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.check_passkey import check_passkey
from guildbank.identity.usecases.factors.seal_codes import hash_recovery_code, key_of, open_totp
from guildbank.identity.usecases.sign_in.tickets import code_hash, count_try, take_by_code
from guildbank.infra.http import ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


async def prove(
    identity: Identity,
    tenant: TenantRef,
    of: tuple[Factors, Policy],
    answer: Answer,
    address: ClientAddress,
) -> Refusal | None:
    """Use the answer up and return None, or why it proves nothing.

    Refusals: `method_not_open`, `login_throttled`, `second_factor_failed`. Raises StoreAway.
    """
    factors, policy = of
    if answer.method not in ways_to_prove(factors):
        return WAY_NOT_OPEN
    asked = (tenant.id, f"second factor {factors.player_id}", address, None)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    if not await _holds(identity, tenant, factors, policy, answer):
        return FACTOR_FAILED
    await identity.throttle.succeeded(*asked)
    return None


async def _holds(
    identity: Identity, tenant: TenantRef, factors: Factors, policy: Policy, answer: Answer
) -> bool:
    player_id = factors.player_id
    match answer.method:
        case "totp":
            return await _totp(identity, tenant, player_id, answer.text)
        case "recovery_code":
            return await _recovery_code(identity, tenant, player_id, answer.text)
        case "mailed_code":
            return await _mailed_code(identity, tenant, player_id, answer.text)
        case "passkey" if answer.assertion is not None:
            found = await check_passkey(identity, tenant, policy, answer.assertion, player_id)
            return not isinstance(found, Refusal)
        case _:
            return False


async def _totp(identity: Identity, tenant: TenantRef, player_id: str, text: str) -> bool:
    key = await key_of(identity, tenant)
    async with identity.db.begin(tenant.schema) as tx:
        sealed = await store.totp_secret(tx.driver, player_id)
        if sealed is None:
            return False
        secret = open_totp(key, player_id, sealed)
        step = totp_step(secret, bare_code(text), identity.clock.now())
        return step is not None and await store.take_step(tx.driver, player_id, sealed, step)


async def _recovery_code(identity: Identity, tenant: TenantRef, player_id: str, text: str) -> bool:
    hash_ = hash_recovery_code(await key_of(identity, tenant), player_id, text)
    async with identity.db.begin(tenant.schema) as tx:
        return await store.take_recovery_code(tx.driver, player_id, hash_)


async def _mailed_code(identity: Identity, tenant: TenantRef, player_id: str, text: str) -> bool:
    hash_ = await code_hash(identity, tenant, "sign_in_code", player_id, bare_code(text))
    await count_try(identity, tenant, player_id, "sign_in_code")
    async with identity.db.begin(tenant.schema) as tx:
        return await take_by_code(identity, tx, player_id, "sign_in_code", hash_) is not None
