"""The first half of an operator's sign-in: a right password gets a challenge, no session."""

import secrets

import msgspec

from guildbank.identity.contracts.operators import (
    SECOND_STEP_LIFE,
    SIGN_IN_FAILED,
    SUSPENDED,
    HalfSignIn,
    StepMethod,
)
from guildbank.identity.rules import read_email, token_hash
from guildbank.identity.store.operators import factors as store
from guildbank.identity.store.operators import passkeys, people
from guildbank.identity.strength import prepare
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.browsers import Browser, token_for
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.database import Tx
from guildbank.infra.http import ClientAddress
from guildbank.infra.passwords import Verdict
from guildbank.kernel import Refusal

_SECRET_BYTES = 32


class PasswordTyped(msgspec.Struct, frozen=True, kw_only=True):
    """What a person types, from where, and in which browser."""

    address: str
    password: str
    client: ClientAddress
    browser: Browser


async def sign_in(identity: Identity, plane: Plane, typed: PasswordTyped) -> HalfSignIn | Refusal:
    """Return what a right password gets.

    Refusals: `login_failed`, which tells neither by its words nor by its time whether the address
    is known; `login_throttled`, before the password is looked at; and `operator_suspended` to who
    knows the password. Raises Overworked and StoreAway.
    """
    email = read_email(typed.address)
    # What cannot be an address is nobody's, and is counted all the same.
    account = typed.address if isinstance(email, Refusal) else email.canonical
    device = token_for(identity, plane, f"operator:{account}", typed.browser)
    asked = (plane.id, f"operator:{account}", typed.client, device)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    found = None
    if not isinstance(email, Refusal):
        async with identity.db.begin(plane.schema, read_only=True) as tx:
            found = await people.password_of(tx.driver, account)
    verdict = await identity.passwords.verify(
        prepare(typed.password) or "", None if found is None else found[3]
    )
    if found is None or verdict is Verdict.WRONG:
        return SIGN_IN_FAILED
    await identity.throttle.succeeded(*asked)
    if found[2] != "active":
        return SUSPENDED
    async with identity.db.begin(plane.schema) as tx:
        operator = await people.one(tx.driver, found[0])
        if operator is None:
            return SIGN_IN_FAILED
        return await ask_for_factor(identity, plane, tx, operator.id)


async def ask_for_factor(identity: Identity, plane: Plane, tx: Tx, operator_id: str) -> HalfSignIn:
    """Return the challenge of who proved half: to be answered by a second factor, or a new one."""
    party = identity.staff.passkeys
    held = await passkeys.held(tx.driver, operator_id, None if party is None else party.rp_id)
    enrol = not held.protected
    open_: dict[StepMethod, bool] = {
        "totp": enrol or held.app,
        "passkey": party is not None if enrol else held.passkeys > 0,
        "recovery_code": not enrol and held.recovery_codes > 0,
    }
    challenge = f"{plane.id}.{secrets.token_urlsafe(_SECRET_BYTES)}"
    now = identity.clock.now()
    ends = now + SECOND_STEP_LIFE
    hash_ = token_hash(challenge)
    await store.add_ticket(tx.driver, hash_, "second_step", operator_id, now, ends)
    return HalfSignIn(
        step="enrol" if enrol else "second_factor",
        methods=tuple(method for method, is_open in open_.items() if is_open),
        challenge=challenge,
        expires_at=ends,
    )
