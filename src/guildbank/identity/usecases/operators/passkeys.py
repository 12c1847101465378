"""Ask an operator's browser for a passkey and believe what it answers, each challenge once.

The relying party is the deployment's own host, which no tenant's players share, and challenges and
passkeys lie apart from theirs: what is good for one proves nothing to the other.
"""

from datetime import datetime

import msgspec

from guildbank.identity.contracts.events import FACTOR_ADDED
from guildbank.identity.contracts.factors import (
    FACTOR_FAILED,
    PASSKEY_REFUSED,
    Assertion,
    Attestation,
    PasskeyOptions,
    StoredPasskey,
)
from guildbank.identity.contracts.operators import (
    MAX_OPERATOR_PASSKEYS,
    NO_OPERATOR,
    PASSKEY_LIFE,
    PASSKEYS_ELSEWHERE,
    TOO_MANY_OPERATOR_PASSKEYS,
    TicketPurpose,
)
from guildbank.identity.rules import token_hash
from guildbank.identity.store.operators import factors as tickets
from guildbank.identity.store.operators import passkeys as store
from guildbank.identity.store.operators import people
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.passkey_forms import (
    Holder,
    bytes_of,
    challenge_of,
    to_assert,
    to_register,
    verify_new,
    verify_use,
)
from guildbank.identity.usecases.operators.second_factor import fresh_codes
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.sign_in.tickets import new_secret
from guildbank.infra.database import CONTROL_SCHEMA, Tx
from guildbank.kernel import Refusal, new_id

_BRAND = "Guildbank"


class Added(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that was added, and recovery codes, shown this once, for who had none."""

    id: str
    recovery_codes: tuple[str, ...] = ()


class Bearer(msgspec.Struct, frozen=True):
    """Whom an answer names that was asked of nobody in particular, before it is believed."""

    plane: Plane
    operator_id: str


async def ask_for_new(
    identity: Identity, plane: Plane, operator_id: str
) -> PasskeyOptions | Refusal:
    """Return what a page asks its browser to make. `passkeys_off`, `too_many_passkeys`."""
    party = identity.staff.passkeys
    if party is None:
        return PASSKEYS_ELSEWHERE
    async with identity.db.begin(plane.schema) as tx:
        operator = await people.one(tx.driver, operator_id)
        if operator is None:
            return NO_OPERATOR
        known = await store.credentials(tx.driver, operator_id, party.rp_id)
        if len(known) >= MAX_OPERATOR_PASSKEYS:
            return TOO_MANY_OPERATOR_PASSKEYS
        secret, ends = await _challenge(identity, tx, "passkey_new", operator_id)
    place = _BRAND if plane.tenant is None else plane.tenant.slug
    holder = Holder(
        handle=f"{plane.id}.{operator_id}".encode(),
        label=f"{operator.address} ({place})",
        brand=_BRAND,
    )
    return PasskeyOptions(to_register(party, holder, known, secret), ends)


async def keep_new(
    identity: Identity, plane: Plane, tx: Tx, operator_id: str, given: Attestation, name: str
) -> Added | Refusal:
    """Keep what the browser made. `passkeys_off`, `passkey_refused`, `too_many_passkeys`."""
    party, now = identity.staff.passkeys, identity.clock.now()
    if party is None:
        return PASSKEYS_ELSEWHERE
    await store.lock(tx.driver, operator_id)
    challenge = challenge_of(given.client_data)
    if challenge is None or not await _is_own(identity, tx, challenge, "passkey_new", operator_id):
        return PASSKEY_REFUSED
    made = verify_new(party, challenge, given)
    if made is None:
        return PASSKEY_REFUSED
    passkey = StoredPasskey(
        id=new_id("opk"),
        holder_id=operator_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        rp_id=party.rp_id,
    )
    held = await store.held(tx.driver, operator_id, party.rp_id)
    if held.passkeys >= MAX_OPERATOR_PASSKEYS:
        return TOO_MANY_OPERATOR_PASSKEYS
    if not await store.add(tx.driver, passkey, name, now):
        return PASSKEY_REFUSED
    codes = () if held.recovery_codes else await fresh_codes(plane, tx, operator_id)
    told = {"operatorId": operator_id, "passkeyId": passkey.id}
    await plane.recorder.record(tx, operator_id, FACTOR_ADDED, told, arriving=True)
    return Added(id=passkey.id, recovery_codes=codes)


async def ask_for_use(
    identity: Identity, plane: Plane, operator_id: str, *, verified: bool
) -> PasskeyOptions | Refusal:
    """Return what a page asks its browser: for one of the operator's passkeys.

    `verified` wants its holder's PIN or finger too. Refusals: `passkeys_off`, and
    `second_factor_failed` for who has none.
    """
    party = identity.staff.passkeys
    if party is None:
        return PASSKEYS_ELSEWHERE
    async with identity.db.begin(plane.schema) as tx:
        known = await store.credentials(tx.driver, operator_id, party.rp_id)
        if not known:
            return FACTOR_FAILED
        secret, ends = await _challenge(identity, tx, "passkey_proof", operator_id)
    return PasskeyOptions(to_assert(party, known, secret, verified=verified), ends)


async def ask_for_any(identity: Identity) -> PasskeyOptions | Refusal:
    """Return what a page asks its browser: for whatever passkey it finds. `passkeys_off`.

    Whose it is, the answer says; so the challenge is kept where the deployment's own people are.
    """
    party = identity.staff.passkeys
    if party is None:
        return PASSKEYS_ELSEWHERE
    async with identity.db.begin(CONTROL_SCHEMA) as tx:
        secret, ends = await _challenge(identity, tx, "passkey_sign_in", None)
    return PasskeyOptions(to_assert(party, [], secret, verified=True), ends)


async def take_any(identity: Identity, given: Assertion) -> Bearer | Refusal:
    """Use the challenge of `ask_for_any` up, and return whom its answer names.

    Refusal: `second_factor_failed`.
    """
    handle = bytes_of(given.user_handle or "")
    challenge, now = challenge_of(given.client_data), identity.clock.now()
    if challenge is None or not handle:
        return FACTOR_FAILED
    async with identity.db.begin(CONTROL_SCHEMA) as tx:
        if await tickets.take(tx.driver, token_hash(challenge), "passkey_sign_in", now) is None:
            return FACTOR_FAILED
    plane_id, _, operator_id = handle.decode("ascii", "replace").partition(".")
    plane = await identity.staff.plane_of(plane_id)
    return FACTOR_FAILED if plane is None else Bearer(plane, operator_id)


async def is_proof(
    identity: Identity, tx: Tx, operator_id: str, given: Assertion, *, verified: bool
) -> bool:
    """Say whether it answers a challenge of this operator's, which is used up by that."""
    challenge = challenge_of(given.client_data)
    if challenge is None:
        return False
    if not await _is_own(identity, tx, challenge, "passkey_proof", operator_id):
        return False
    return await is_signed(identity, tx, operator_id, given, verified=verified)


async def is_signed(
    identity: Identity, tx: Tx, operator_id: str, given: Assertion, *, verified: bool
) -> bool:
    """Say whether a passkey of the operator's signed it; its challenge was taken before."""
    party, credential_id = identity.staff.passkeys, bytes_of(given.raw_id)
    challenge = challenge_of(given.client_data)
    if party is None or not credential_id or challenge is None:
        return False
    passkey = await store.by_credential(tx.driver, credential_id, operator_id)
    if passkey is None:
        return False
    count = verify_use(party, challenge, given, passkey, verified=verified)
    if count is None:
        return False
    return await store.count_use(tx.driver, passkey.id, count, identity.clock.now())


async def _challenge(
    identity: Identity, tx: Tx, purpose: TicketPurpose, operator_id: str | None
) -> tuple[str, datetime]:
    """Return a new challenge and when it ends."""
    secret, now = new_secret(), identity.clock.now()
    ends = now + PASSKEY_LIFE
    await tickets.add_ticket(tx.driver, token_hash(secret), purpose, operator_id, now, ends)
    return secret, ends


async def _is_own(
    identity: Identity, tx: Tx, challenge: str, purpose: TicketPurpose, operator_id: str
) -> bool:
    now = identity.clock.now()
    whose = await tickets.take_ticket(tx.driver, token_hash(challenge), purpose, now)
    return whose == operator_id
