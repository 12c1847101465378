"""Sign a player in by a passkey alone: it is had, and it verified who holds it."""

import msgspec

from guildbank.identity.contracts.factors import (
    FACTOR_FAILED,
    PASSKEYS_OFF,
    Assertion,
    PasskeyOptions,
)
from guildbank.identity.contracts.sign_in import Entrant, Tokens
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.check_passkey import ask_for_passkey, check_passkey
from guildbank.identity.usecases.factors.read_factors import read_factors, read_policy
from guildbank.identity.usecases.sign_in.finish import Proof, finish_sign_in
from guildbank.identity.usecases.sign_in.second_factor import Finished
from guildbank.infra.http import ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal


class PasskeySignIn(msgspec.Struct, frozen=True, kw_only=True):
    """What a browser answered, and where; `device` and `device_token` as of a password's."""

    assertion: Assertion
    address: ClientAddress
    device: str = ""
    device_token: str | None = None


async def begin_passkey_sign_in(identity: Identity, tenant: TenantRef) -> PasskeyOptions | Refusal:
    """Return what a page asks the browser: for any passkey of this tenant. `passkeys_off`."""
    return await ask_for_passkey(identity, tenant, await read_policy(identity, tenant), None)


async def sign_in_by_passkey(
    identity: Identity, tenant: TenantRef, given: PasskeySignIn
) -> Finished | Refusal:
    """Return the tokens of a new session of the passkey's player.

    Refusals: `passkeys_off`, `second_factor_failed`, `login_throttled`, `player_suspended`,
    `player_closed`. Raises StoreAway.
    """
    policy = await read_policy(identity, tenant)
    if policy.passkeys is None:
        return PASSKEYS_OFF
    asked = (tenant.id, f"passkey {given.assertion.id}", given.address, given.device_token)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    passkey = await check_passkey(identity, tenant, policy, given.assertion, None)
    if isinstance(passkey, Refusal):
        return passkey
    known = await identity.throttle.succeeded(*asked)
    found = await read_factors(identity, tenant, passkey.holder_id)
    if isinstance(found, Refusal):
        return FACTOR_FAILED
    proof = Proof(
        entrant=Entrant(passkey.holder_id, found[0].state, passkey.credentials),
        methods=("passkey",),
        device=given.device,
        known=known == given.device_token,
        place=str(given.address),
        device_token=known,
    )
    finished = await finish_sign_in(identity, tenant, proof)
    return Finished(finished, known) if isinstance(finished, Tokens) else finished
