"""The second half of an operator's sign-in, where sessions begin, and the proof of it again."""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias

import msgspec

from guildbank.identity.contracts.operators import (
    CHALLENGE_ENDED,
    SIGN_IN_FAILED,
    SIGNED_OUT,
    SUSPENDED,
    WRONG_CODE,
    Enrolment,
    Operator,
    SignedIn,
)
from guildbank.identity.rules import token_hash
from guildbank.identity.store.operators import factors as store
from guildbank.identity.store.operators import people, sessions
from guildbank.identity.strength import prepare
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.browsers import Browser, recognise
from guildbank.identity.usecases.operators.invite import plane_of_secret
from guildbank.identity.usecases.operators.keep_session import begin_session, freshen_session
from guildbank.identity.usecases.operators.second_factor import (
    begin_enrolment,
    confirm_enrolment,
    use_code,
)
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.operators.tell import seal_notice, seal_notice_to
from guildbank.infra.database import Tx
from guildbank.infra.http import ClientAddress
from guildbank.infra.passwords import Verdict
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail

Proving: TypeAlias = Callable[[Plane, Tx, str], Awaitable[tuple[str, ...] | Refusal]]
"""`await prove(plane, tx, operator_id)`: new recovery codes, mostly none, or what was wrong."""
Factor: TypeAlias = Literal["app", "passkey"]


class Half(msgspec.Struct, frozen=True):
    """A half sign-in that goes on: whose, and on which plane."""

    plane: Plane
    operator: Operator


async def find_half(identity: Identity, challenge: str) -> Half | Refusal:
    """Return the half sign-in of a challenge. Refusal: `challenge_ended`."""
    plane = await plane_of_secret(identity, challenge)
    if plane is None:
        return CHALLENGE_ENDED
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        operator_id = await store.find_ticket(
            tx.driver, token_hash(challenge), "second_step", identity.clock.now()
        )
        operator = None if operator_id is None else await people.one(tx.driver, operator_id)
    return CHALLENGE_ENDED if operator is None else Half(plane, operator)


async def begin_app(identity: Identity, challenge: str, issuer: str) -> Enrolment | Refusal:
    """Return what to set an app up with. `challenge_ended`, `already_enrolled`, `not_found`."""
    half = await find_half(identity, challenge)
    if isinstance(half, Refusal):
        return half
    return await begin_enrolment(identity, half.plane, half.operator.id, again=False, issuer=issuer)


async def finish_sign_in(
    identity: Identity,
    challenge: str,
    code: str,
    client: ClientAddress,
    browser: Browser,
    *,
    enrol: bool = False,
) -> SignedIn | Refusal:
    """Return a session for a challenge and a code.

    With `enrol` the code confirms an app that was just set up, and recovery codes are answered.
    Refusals: `challenge_ended`, `code_wrong`, `already_enrolled`, `login_throttled`,
    `operator_suspended`. Raises StoreAway.
    """

    async def prove(plane: Plane, tx: Tx, operator_id: str) -> tuple[str, ...] | Refusal:
        if enrol:
            return await confirm_enrolment(identity, plane, tx, operator_id, code, again=False)
        return () if await use_code(identity, plane, tx, operator_id, code) else WRONG_CODE

    adds: Factor | None = "app" if enrol else None
    return await finish_half(identity, challenge, prove, client, browser, adds)


async def finish_half(
    identity: Identity,
    challenge: str,
    prove: Proving,
    client: ClientAddress,
    browser: Browser,
    adds: Factor | None = None,
) -> SignedIn | Refusal:
    """Return a session for a challenge whose operator proves a second factor by `prove`.

    The operator hears by mail of a factor that this `adds`, or else of a browser that is not known.
    Refusals: `challenge_ended`, `login_throttled`, `operator_suspended`, and those of `prove`.
    Raises StoreAway.
    """
    half = await find_half(identity, challenge)
    if isinstance(half, Refusal):
        return half
    plane, operator_id = half.plane, half.operator.id
    asked = (plane.id, f"operator code:{operator_id}", client, None)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    entry = await recognise(identity, plane, half.operator, browser, first=adds is not None)
    if adds is not None:
        told = await seal_notice(
            identity, plane, half.operator, "operator_factor_added", factor=adds
        )
        entry = msgspec.structs.replace(entry, notice=told)
    async with identity.db.begin(plane.schema) as tx:
        operator = await people.one(tx.driver, operator_id)
        if operator is None or operator.state != "active":
            return SUSPENDED
        proved = await prove(plane, tx, operator_id)
        if isinstance(proved, Refusal):
            return proved
        taken = await store.take_ticket(
            tx.driver, token_hash(challenge), "second_step", identity.clock.now()
        )
        if taken is None:
            return CHALLENGE_ENDED
        signed_in = await begin_session(identity, plane, tx, operator_id, entry)
    await identity.throttle.succeeded(*asked)
    return msgspec.structs.replace(signed_in, recovery_codes=proved)


async def step_up(
    identity: Identity,
    plane: Plane,
    cookie: str,
    operator_id: str,
    password: str,
    code: str,
    client: ClientAddress,
) -> str | Refusal:
    """Return the session's next cookie for the password and a code, typed anew.

    Refusals: `login_failed`, `code_wrong`, `login_throttled`, `session_ended`. Raises Overworked
    and StoreAway.
    """
    asked = (plane.id, f"operator code:{operator_id}", client, None)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    if not await has_password(identity, plane, operator_id, password):
        return SIGN_IN_FAILED
    async with identity.db.begin(plane.schema) as tx:
        if not await use_code(identity, plane, tx, operator_id, code):
            return WRONG_CODE
        fresh = await freshen_session(identity, plane, tx, cookie)
    if fresh is None:
        return SIGNED_OUT
    await identity.throttle.succeeded(*asked)
    return fresh


async def replace_app(
    identity: Identity, plane: Plane, operator_id: str, session_id: str, code: str
) -> tuple[str, ...] | Refusal:
    """Let a new app take the old one's place, and return new recovery codes.

    All other sessions of the operator end, and the operator hears of it. Refusal: `code_wrong`.
    """
    notice = await seal_notice_to(
        identity, plane, operator_id, "operator_factor_added", factor="app"
    )
    async with identity.db.begin(plane.schema) as tx:
        codes = await confirm_enrolment(identity, plane, tx, operator_id, code, again=True)
        if isinstance(codes, Refusal):
            return codes
        # First, so that a sign-in under way waits for it or ends with the sessions.
        await store.drop_tickets(tx.driver, operator_id)
        await sessions.end(tx.driver, [operator_id], keep=session_id)
        if notice is not None:
            await queue_mail(tx, notice)
    return codes


async def has_password(identity: Identity, plane: Plane, operator_id: str, password: str) -> bool:
    """Say whether it is the operator's password; takes as long for nobody's. Raises Overworked."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        found = await people.password_by_id(tx.driver, operator_id)
    stored = None if found is None else found[3]
    verdict = await identity.passwords.verify(prepare(password) or "", stored)
    return verdict is not Verdict.WRONG
