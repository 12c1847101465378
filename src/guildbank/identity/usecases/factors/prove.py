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
from guildbank.identity.store.emails import own_it
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.check_passkey import check_passkey
from guildbank.identity.usecases.factors.seal_codes import hash_recovery_code, key_of, open_totp
from guildbank.identity.usecases.factors.send_code import CodePurpose
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
    purpose: CodePurpose,
    device: str | None,
) -> Refusal | None:
    """Use the answer up and return None, or why it proves nothing.

    A mailed code must have been mailed for this `purpose`. What is guessed on another device than
    `device`, which `guesses_of` names, does not slow this one down.

    Refusals: `method_not_open`, `login_throttled`, `second_factor_failed`. Raises StoreAway.
    """
    factors, _ = of
    if answer.method not in ways_to_prove(factors):
        return WAY_NOT_OPEN
    asked = (tenant.id, guesses_of(factors.player_id), address, device)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    if not await _holds(identity, tenant, of, answer, purpose):
        return FACTOR_FAILED
    await identity.throttle.succeeded(*asked)
    return None


def guesses_of(player_id: str) -> str:
    """Return the name under which guesses at a player's second factor are counted."""
    return f"second factor {player_id}"


async def _holds(
    identity: Identity,
    tenant: TenantRef,
    of: tuple[Factors, Policy],
    answer: Answer,
    purpose: CodePurpose,
) -> bool:
    factors, policy = of
    player_id = factors.player_id
    match answer.method:
        case "totp":
            return await _totp(identity, tenant, player_id, answer.text)
        case "recovery_code":
            return await _recovery_code(identity, tenant, player_id, answer.text)
        case "mailed_code":
            return await _mailed_code(identity, tenant, player_id, answer.text, purpose)
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


async def _mailed_code(
    identity: Identity, tenant: TenantRef, player_id: str, text: str, purpose: CodePurpose
) -> bool:
    hash_ = await code_hash(identity, tenant, purpose, player_id, bare_code(text))
    await count_try(identity, tenant, player_id, purpose)
    async with identity.db.begin(tenant.schema) as tx:
        taken = await take_by_code(identity, tx, player_id, purpose, hash_) is not None
        if taken:
            # Who reads the mail has also given the password, or is in a session of the player's.
            await own_it(tx.driver, player_id, identity.clock.now())
        return taken
