"""Sign an operator in by a passkey, beside the password or alone, and prove it anew by one."""

from guildbank.identity.contracts.factors import (
    FACTOR_FAILED,
    Assertion,
    Attestation,
    PasskeyOptions,
)
from guildbank.identity.contracts.operators import (
    ALREADY_ENROLLED,
    SIGNED_OUT,
    SUSPENDED,
    SignedIn,
)
from guildbank.identity.contracts.studio import STUDIO_ONLY
from guildbank.identity.store.operators import passkeys as store
from guildbank.identity.store.operators import people
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.browsers import Browser, recognise
from guildbank.identity.usecases.operators.finish_sign_in import find_half, finish_half
from guildbank.identity.usecases.operators.keep_session import begin_session, freshen_session
from guildbank.identity.usecases.operators.passkeys import (
    ask_for_new,
    ask_for_use,
    is_proof,
    is_signed,
    keep_new,
    take_any,
)
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.infra.database import Tx
from guildbank.infra.http import ClientAddress
from guildbank.kernel import Refusal


async def ask_half(identity: Identity, challenge: str) -> PasskeyOptions | Refusal:
    """Return what to ask the browser of who typed the password.

    Refusals: `challenge_ended`, `passkeys_off`, `second_factor_failed`.
    """
    half = await find_half(identity, challenge)
    if isinstance(half, Refusal):
        return half
    return await ask_for_use(identity, half.plane, half.operator.id, verified=False)


async def finish_by_passkey(
    identity: Identity, challenge: str, given: Assertion, client: ClientAddress, browser: Browser
) -> SignedIn | Refusal:
    """Return a session for a challenge and a passkey.

    Refusals: `challenge_ended`, `second_factor_failed`, `login_throttled`, `operator_suspended`.
    Raises StoreAway.
    """

    async def prove(plane: Plane, tx: Tx, operator_id: str) -> tuple[str, ...] | Refusal:
        proved = await is_proof(identity, tx, operator_id, given, verified=False)
        return () if proved else FACTOR_FAILED

    return await finish_half(identity, challenge, prove, client, browser)


async def begin_first_passkey(identity: Identity, challenge: str) -> PasskeyOptions | Refusal:
    """Return what the browser of who has no second factor yet is to make.

    Refusals: `challenge_ended`, `already_enrolled`, `passkeys_off`.
    """
    half = await find_half(identity, challenge)
    if isinstance(half, Refusal):
        return half
    if half.operator.second_factor:
        return ALREADY_ENROLLED
    return await ask_for_new(identity, half.plane, half.operator.id)


async def confirm_first_passkey(
    identity: Identity,
    challenge: str,
    given: Attestation,
    name: str,
    client: ClientAddress,
    browser: Browser,
) -> SignedIn | Refusal:
    """Keep the first passkey and return a session, with recovery codes.

    Refusals: `challenge_ended`, `already_enrolled`, `passkeys_off`, `passkey_refused`,
    `login_throttled`, `operator_suspended`. Raises StoreAway.
    """

    async def prove(plane: Plane, tx: Tx, operator_id: str) -> tuple[str, ...] | Refusal:
        await store.lock(tx.driver, operator_id)
        operator = await people.one(tx.driver, operator_id)
        if operator is None or operator.second_factor:
            return ALREADY_ENROLLED
        made = await keep_new(identity, plane, tx, operator_id, given, name)
        return made if isinstance(made, Refusal) else made.recovery_codes

    return await finish_half(identity, challenge, prove, client, browser, adds="passkey")


async def sign_in_by_passkey(
    identity: Identity, given: Assertion, browser: Browser
) -> SignedIn | Refusal:
    """Return a session for a passkey alone: it is had, and it verified who holds it.

    Refusals: `second_factor_failed`, and to who holds the passkey `operator_suspended` and
    `studio_only`.
    """
    bearer = await take_any(identity, given)
    if isinstance(bearer, Refusal):
        return bearer
    plane = bearer.plane
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        named = await people.one(tx.driver, bearer.operator_id)
    if named is None:
        return FACTOR_FAILED
    entry = await recognise(identity, plane, named, browser)
    async with identity.db.begin(plane.schema) as tx:
        # Who removes the passkey meanwhile waits, and then ends this session too.
        await store.lock(tx.driver, bearer.operator_id)
        if not await is_signed(identity, tx, bearer.operator_id, given, verified=True):
            return FACTOR_FAILED
        operator = await people.one(tx.driver, bearer.operator_id)
        if operator is None or operator.state != "active":
            return SUSPENDED
        if not await people.has_password(tx.driver, operator.id):
            # Whether they are still in a group that may come in, only the studio can say.
            return STUDIO_ONLY
        return await begin_session(identity, plane, tx, operator.id, entry)


async def step_up_by_passkey(
    identity: Identity, plane: Plane, cookie: str, operator_id: str, given: Assertion
) -> str | Refusal:
    """Return the session's next cookie for a passkey that verified its holder.

    Refusals: `second_factor_failed`, `session_ended`.
    """
    async with identity.db.begin(plane.schema) as tx:
        if not await is_proof(identity, tx, operator_id, given, verified=True):
            return FACTOR_FAILED
        fresh = await freshen_session(identity, plane, tx, cookie)
    return SIGNED_OUT if fresh is None else fresh
