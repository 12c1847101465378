"""Add a passkey to an account: the browser makes it for the tenant's host, and we verify that."""

from guildbank.identity.contracts.factors import (
    FACTORS_OFF,
    PASSKEY_REFUSED,
    PASSKEYS_OFF,
    TOO_MANY_PASSKEYS,
    Attestation,
    PasskeyOptions,
    StoredPasskey,
)
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.store import factors as store
from guildbank.identity.store import sessions
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.check_passkey import PASSKEY_LIFE
from guildbank.identity.usecases.factors.passkey_forms import (
    Holder,
    challenge_of,
    to_register,
    verify_new,
)
from guildbank.identity.usecases.factors.recovery_codes import Fresh, first_codes, new_codes
from guildbank.identity.usecases.factors.require_factor import may_change_factors
from guildbank.identity.usecases.factors.tell import seal_change
from guildbank.identity.usecases.sign_in.tickets import add_ticket, new_secret, take_ticket
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id
from guildbank.notify import queue_mail

MAX_PASSKEYS = 20


class Added(Fresh, frozen=True):
    """A passkey that was added, and recovery codes as of `Fresh`."""

    passkey_id: str


async def begin_passkey(
    identity: Identity, tenant: TenantRef, player_id: str, session_id: str
) -> PasskeyOptions | Refusal:
    """Return what a page asks the browser to make.

    Refusals: `second_factor_off`, `passkeys_off`, `too_many_passkeys`, `step_up_required`.
    """
    found = await may_change_factors(identity, tenant, player_id, session_id)
    if isinstance(found, Refusal):
        return found
    factors, policy = found
    party = policy.passkeys
    if policy.second_factor == "off":
        return FACTORS_OFF
    if party is None:
        return PASSKEYS_OFF
    if factors.passkeys + factors.lost_passkeys >= MAX_PASSKEYS:
        return TOO_MANY_PASSKEYS
    secret = new_secret()
    async with identity.db.begin(tenant.schema) as tx:
        known = await store.credentials(tx.driver, player_id, party.rp_id)
        ticket = await add_ticket(
            identity, tx, secret, "passkey_new", PASSKEY_LIFE, player_id=player_id
        )
    holder = Holder(handle=player_id.encode(), label=factors.label, brand=policy.brand)
    return PasskeyOptions(to_register(party, holder, known, secret), ticket.expires_at)


async def add_passkey(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    session_id: str,
    given: Attestation,
    name: str,
) -> Added | Refusal:
    """Keep the passkey that the browser made, under a name that the player knows it by.

    Refusals: `second_factor_off`, `passkeys_off`, `too_many_passkeys`, `passkey_refused`,
    `step_up_required`.
    """
    found = await may_change_factors(identity, tenant, player_id, session_id)
    if isinstance(found, Refusal):
        return found
    factors, policy = found
    party = policy.passkeys
    if policy.second_factor == "off":
        return FACTORS_OFF
    if party is None:
        return PASSKEYS_OFF
    challenge, now = challenge_of(given.client_data), identity.clock.now()
    async with identity.db.begin(tenant.schema) as tx:
        ticket = await take_ticket(identity, tx, challenge or "", "passkey_new")
    if challenge is None or ticket is None or ticket.player_id != player_id:
        return PASSKEY_REFUSED
    made = verify_new(party, challenge, given)
    if made is None:
        return PASSKEY_REFUSED
    passkey = StoredPasskey(
        id=new_id("passkey"),
        holder_id=player_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        rp_id=party.rp_id,
    )
    mail = await seal_change(identity, tenant, factors, "passkey", added=True)
    codes = await new_codes(identity, tenant, player_id)
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        if len(await store.passkeys(tx.driver, player_id, party.rp_id)) >= MAX_PASSKEYS:
            return TOO_MANY_PASSKEYS
        if not await store.add_passkey(tx.driver, passkey, name, now):
            return PASSKEY_REFUSED
        if not factors.protected:
            await sessions.enrolled(tx.driver, session_id, player_id)
        if mail is not None:
            await queue_mail(tx, mail)
        fresh = await first_codes(tx, player_id, codes)
    return Added(fresh.recovery_codes, passkey.id)
