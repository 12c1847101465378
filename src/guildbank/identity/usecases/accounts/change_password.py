"""Change a password, or set the first one of a player who came in by other ways."""

import msgspec

from guildbank.identity.contracts.external import IS_GUEST
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.contracts.sign_in import (
    CREDENTIALS_CHANGED,
    LOGIN_FAILED,
    OF_AN_ACCOUNT,
    STEP_UP_REQUIRED,
)
from guildbank.identity.store import accounts, sessions
from guildbank.identity.store import emails as store
from guildbank.identity.store.guests import is_guest
from guildbank.identity.store.players import hold_player, replaced
from guildbank.identity.store.tickets import drop
from guildbank.identity.strength import prepare_guess
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.letters import letter
from guildbank.identity.usecases.factors.require_factor import require_factor
from guildbank.identity.usecases.protection.check import check_new_password
from guildbank.infra.http import ClientAddress
from guildbank.infra.passwords import Verdict
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail

NO_CURRENT = Refusal(
    code="missing_field", detail="Send the current password too.", field="currentPassword"
)


class PasswordChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed-in player asks for, from where, and whether the sign-in is `fresh`."""

    player_id: str
    session_id: str
    address: ClientAddress
    fresh: bool
    current: str | None
    wanted: str


async def change_password(
    identity: Identity, tenant: TenantRef, change: PasswordChange
) -> Refusal | None:
    """Set the new password and end the player's other sessions.

    Who has a password must know it; who has none must have signed in of late. Refusals:
    `login_failed`, `login_throttled`, `credentials_changed`, `missing_field`, `step_up_required`,
    `not_found`, `is_guest` and those of a new password. Raises Overworked and StoreAway.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        own = await store.own(tx.driver, change.player_id)
        stored = await accounts.password_of(tx.driver, change.player_id)
        guest = await is_guest(tx.driver, change.player_id)
    if own is None:
        return NO_PLAYER
    if guest:
        return IS_GUEST
    refused = await _proved(identity, tenant, change, stored) or await require_factor(
        identity, tenant, change.player_id, change.session_id, "change_password"
    )
    if refused is not None:
        return refused
    password = await check_new_password(identity, change.wanted, own.words)
    if isinstance(password, Refusal):
        return password
    hash_ = await identity.passwords.hash(password)
    notice = None
    if own.email is not None and own.confirmed:
        notice = await letter(
            identity, tenant, "password_changed", own.email, {}, locale=own.locale
        )
    expected = identity.standings.expect(tenant, change.player_id)
    now = identity.clock.now()
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, change.player_id) is None:
            return NO_PLAYER
        # Somebody else was quicker with the same password, perhaps the owner with a link.
        if await accounts.password_of(tx.driver, change.player_id) != stored:
            return CREDENTIALS_CHANGED
        await replaced(tx.driver, [change.player_id])
        await accounts.set_password(tx.driver, change.player_id, hash_, now)
        await drop(tx.driver, change.player_id, list(OF_AN_ACCOUNT))
        ended = await sessions.end(tx.driver, change.player_id, now, keep=change.session_id)
        if notice is not None:
            await queue_mail(tx, notice)
    await identity.standings.settle(tenant, change.player_id, expected, told=bool(ended))
    return None


async def _proved(
    identity: Identity, tenant: TenantRef, change: PasswordChange, stored: str | None
) -> Refusal | None:
    if stored is None:
        return None if change.fresh else STEP_UP_REQUIRED
    if change.current is None:
        return NO_CURRENT
    # A stolen session must not become a place to guess at the password.
    asked = (tenant.id, change.player_id, change.address, None)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    verdict = await identity.passwords.verify(prepare_guess(change.current), stored)
    if verdict is Verdict.WRONG:
        return msgspec.structs.replace(LOGIN_FAILED, field="currentPassword")
    await identity.throttle.succeeded(*asked)
    return None
