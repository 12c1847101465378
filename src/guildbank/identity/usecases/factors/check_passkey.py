"""Ask a browser for a passkey, and check what it answers: each challenge once, and not for long."""

from datetime import timedelta

from guildbank.identity.contracts.factors import (
    FACTOR_FAILED,
    PASSKEYS_OFF,
    WAY_NOT_OPEN,
    Assertion,
    Factors,
    PasskeyOptions,
    Policy,
    StoredPasskey,
)
from guildbank.identity.contracts.sign_in import Purpose
from guildbank.identity.store import factors as store
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.passkey_forms import (
    bytes_of,
    challenge_of,
    to_assert,
    verify_use,
)
from guildbank.identity.usecases.sign_in.tickets import add_ticket, new_secret, take_ticket
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal

PASSKEY_LIFE = timedelta(minutes=5)


async def ask_for_passkey(
    identity: Identity, tenant: TenantRef, policy: Policy, factors: Factors | None
) -> PasskeyOptions | Refusal:
    """Return what a page asks the browser: for one of the player's passkeys, or else for any.

    Any passkey signs in by itself, so it must verify its holder. Refusals: `passkeys_off`,
    `method_not_open`.
    """
    party, secret = policy.passkeys, new_secret()
    if party is None:
        return PASSKEYS_OFF
    if factors is not None and not factors.passkeys:
        return WAY_NOT_OPEN
    purpose: Purpose = "passkey_sign_in" if factors is None else "passkey_proof"
    player_id = None if factors is None else factors.player_id
    async with identity.db.begin(tenant.schema) as tx:
        known = (
            [] if player_id is None else await store.credentials(tx.driver, player_id, party.rp_id)
        )
        ticket = await add_ticket(identity, tx, secret, purpose, PASSKEY_LIFE, player_id=player_id)
    options = to_assert(party, known, secret, verified=factors is None)
    return PasskeyOptions(options, ticket.expires_at)


async def check_passkey(
    identity: Identity,
    tenant: TenantRef,
    policy: Policy,
    given: Assertion,
    player_id: str | None,
) -> StoredPasskey | Refusal:
    """Return the passkey that the answer proves, of this player where one is named.

    The challenge is used up whatever comes of it. Refusals: `passkeys_off`,
    `second_factor_failed`.
    """
    party = policy.passkeys
    if party is None:
        return PASSKEYS_OFF
    purpose: Purpose = "passkey_sign_in" if player_id is None else "passkey_proof"
    challenge, credential_id = challenge_of(given.client_data), bytes_of(given.raw_id)
    if challenge is None or credential_id is None:
        return FACTOR_FAILED
    async with identity.db.begin(tenant.schema) as tx:
        ticket = await take_ticket(identity, tx, challenge, purpose)
        passkey = await store.passkey(tx.driver, credential_id)
    if ticket is None or ticket.player_id != player_id or passkey is None:
        return FACTOR_FAILED
    if player_id not in (None, passkey.holder_id) or not _is_holder(given, passkey):
        return FACTOR_FAILED
    count = verify_use(party, challenge, given, passkey, verified=player_id is None)
    if count is None:
        return FACTOR_FAILED
    async with identity.db.begin(tenant.schema) as tx:
        counted = await store.count_use(tx.driver, passkey.id, count, identity.clock.now())
    return passkey if counted else FACTOR_FAILED


def _is_holder(given: Assertion, passkey: StoredPasskey) -> bool:
    """Say whether the authenticator names the player for whom it made the passkey, if anyone."""
    if given.user_handle is None:
        return True
    return bytes_of(given.user_handle) == passkey.holder_id.encode()
