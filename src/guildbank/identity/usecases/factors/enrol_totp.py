"""Take an authenticator app into use: show a secret, and keep it once a code proves it arrived."""

from datetime import timedelta

import pyotp

from guildbank.identity.contracts.factors import (
    ENROLMENT_ENDED,
    FACTOR_EXISTS,
    FACTOR_FAILED,
    FACTORS_OFF,
    Enrolment,
    Factors,
    Policy,
)
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.rules import bare_code, totp_step
from guildbank.identity.store import factors as store
from guildbank.identity.store import sessions
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.recovery_codes import Fresh, first_codes, new_codes
from guildbank.identity.usecases.factors.seal_codes import key_of, open_totp, seal_totp
from guildbank.identity.usecases.factors.tell import seal_change
from guildbank.identity.usecases.sign_in.tickets import (
    add_ticket,
    find_ticket,
    new_secret,
    take_ticket,
)
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail

ENROLMENT_LIFE = timedelta(minutes=10)


async def begin_totp(
    identity: Identity, tenant: TenantRef, factors: Factors, policy: Policy
) -> Enrolment | Refusal:
    """Return a secret for the player's app; nothing holds yet.

    Refusals: `second_factor_off`, `factor_exists`.
    """
    if policy.second_factor == "off":
        return FACTORS_OFF
    if factors.totp:
        return FACTOR_EXISTS
    shared, enrolment, key = pyotp.random_base32(), new_secret(), await key_of(identity, tenant)
    sealed = seal_totp(key, factors.player_id, shared)
    async with identity.db.begin(tenant.schema) as tx:
        ticket = await add_ticket(
            identity,
            tx,
            enrolment,
            "enrol_totp",
            ENROLMENT_LIFE,
            player_id=factors.player_id,
            data=sealed,
        )
    return Enrolment(
        enrolment=enrolment,
        secret=shared,
        uri=pyotp.TOTP(shared).provisioning_uri(name=factors.label, issuer_name=policy.brand),
        expires_at=ticket.expires_at,
    )


async def confirm_totp(
    identity: Identity,
    tenant: TenantRef,
    factors: Factors,
    enrolment: str,
    code: str,
    session_id: str | None = None,
) -> Fresh | Refusal:
    """Keep the app whose code this is, and return recovery codes where the player had none.

    The first factor counts as proved when the player last proved themselves in the session; a
    further one, and its code, prove nothing there. Refusals: `challenge_ended`, `factor_exists`,
    `second_factor_failed`, after which another code can be tried.
    """
    player_id, now = factors.player_id, identity.clock.now()
    key, codes = await key_of(identity, tenant), await new_codes(identity, tenant, player_id)
    mail = await seal_change(identity, tenant, factors, "totp", added=True)
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, player_id) is None:
            return NO_PLAYER
        ticket = await find_ticket(identity, tx, enrolment, "enrol_totp")
        if ticket is None or ticket.player_id != player_id:
            return ENROLMENT_ENDED
        step = totp_step(open_totp(key, player_id, ticket.data), bare_code(code), now)
        if step is None:
            return FACTOR_FAILED
        await take_ticket(identity, tx, enrolment, "enrol_totp")
        if not await store.add_totp(tx.driver, player_id, ticket.data, step, now):
            return FACTOR_EXISTS
        if session_id is not None and not factors.protected:
            await sessions.enrolled(tx.driver, session_id, player_id)
        if mail is not None:
            await queue_mail(tx, mail)
        return await first_codes(tx, player_id, codes)
