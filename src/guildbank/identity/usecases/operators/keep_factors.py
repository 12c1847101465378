"""Keep one's second factors as an operator: add, name and remove; one always stays.

Whatever is changed is told of by mail.
"""

from collections.abc import Sequence

from guildbank.identity.contracts.events import CODES_RENEWED, FACTOR_REMOVED
from guildbank.identity.contracts.factors import Attestation, Passkey
from guildbank.identity.contracts.operators import (
    LAST_FACTOR,
    NO_APP,
    NO_OPERATOR_PASSKEY,
    Held,
)
from guildbank.identity.store.operators import factors as apps
from guildbank.identity.store.operators import passkeys as store
from guildbank.identity.store.operators import people, sessions
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.passkeys import Added, keep_new
from guildbank.identity.usecases.operators.second_factor import fresh_codes
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.operators.tell import seal_notice_to
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal
from guildbank.notify import SealedMail, queue_mail


async def held_by(identity: Identity, plane: Plane, operator_id: str) -> Held:
    """Return what the operator has for a second factor."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await store.held(tx.driver, operator_id, _rp_id(identity))


async def has_any_password(identity: Identity, plane: Plane, operator_id: str) -> bool:
    """Say whether the operator comes in by a password; who has none comes from the studio."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await people.has_password(tx.driver, operator_id)


async def list_passkeys(identity: Identity, plane: Plane, operator_id: str) -> Sequence[Passkey]:
    """Return the operator's passkeys, oldest first."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await store.all_of(tx.driver, operator_id, _rp_id(identity))


async def add_passkey(
    identity: Identity, plane: Plane, operator_id: str, given: Attestation, name: str
) -> Added | Refusal:
    """Keep a passkey under a name. `passkeys_off`, `passkey_refused`, `too_many_passkeys`."""
    told = {"factor": "passkey"}
    notice = await seal_notice_to(identity, plane, operator_id, "operator_factor_added", **told)
    async with identity.db.begin(plane.schema) as tx:
        added = await keep_new(identity, plane, tx, operator_id, given, name)
        if not isinstance(added, Refusal):
            await _queue(tx, notice)
        return added


async def rename_passkey(
    identity: Identity, plane: Plane, operator_id: str, passkey_id: str, name: str
) -> Refusal | None:
    """Give a passkey another name. Refusal: `not_found`."""
    async with identity.db.begin(plane.schema) as tx:
        renamed = await store.rename(tx.driver, operator_id, passkey_id, name)
    return None if renamed else NO_OPERATOR_PASSKEY


async def remove_passkey(
    identity: Identity, plane: Plane, operator_id: str, session_id: str, passkey_id: str
) -> Refusal | None:
    """Take no more proofs of a passkey, and end all other sessions. `not_found`, `last_factor`."""
    notice = await _tells_of_removal(identity, plane, operator_id, "passkey")
    async with identity.db.begin(plane.schema) as tx:
        await store.lock(tx.driver, operator_id)
        found = await store.all_of(tx.driver, operator_id, _rp_id(identity))
        named = [one for one in found if one.id == passkey_id]
        if not named:
            return NO_OPERATOR_PASSKEY
        held = await store.held(tx.driver, operator_id, _rp_id(identity))
        if named[0].usable and not held.app and held.passkeys == 1:
            return LAST_FACTOR
        await _end_others(tx, operator_id, session_id)
        await store.remove(tx.driver, operator_id, passkey_id)
        await _queue(tx, notice)
        told = {"operatorId": operator_id, "passkeyId": passkey_id}
        await plane.recorder.record(tx, operator_id, FACTOR_REMOVED, told)
    return None


async def remove_app(
    identity: Identity, plane: Plane, operator_id: str, session_id: str
) -> Refusal | None:
    """Take no more codes of the app, and end all other sessions. `not_found`, `last_factor`."""
    notice = await _tells_of_removal(identity, plane, operator_id, "app")
    async with identity.db.begin(plane.schema) as tx:
        await store.lock(tx.driver, operator_id)
        held = await store.held(tx.driver, operator_id, _rp_id(identity))
        if not held.app:
            return NO_APP
        if not held.passkeys:
            return LAST_FACTOR
        await _end_others(tx, operator_id, session_id)
        await apps.forget_app(tx.driver, operator_id)
        await _queue(tx, notice)
        told = {"operatorId": operator_id, "app": True}
        await plane.recorder.record(tx, operator_id, FACTOR_REMOVED, told)
    return None


async def renew_codes(identity: Identity, plane: Plane, operator_id: str) -> tuple[str, ...]:
    """Return new recovery codes, which are good in place of all earlier ones."""
    notice = await seal_notice_to(identity, plane, operator_id, "operator_codes_renewed")
    async with identity.db.begin(plane.schema) as tx:
        await store.lock(tx.driver, operator_id)
        codes = await fresh_codes(plane, tx, operator_id)
        await _queue(tx, notice)
        await plane.recorder.record(tx, operator_id, CODES_RENEWED, {"operatorId": operator_id})
        return codes


async def _tells_of_removal(
    identity: Identity, plane: Plane, operator_id: str, factor: str
) -> SealedMail | None:
    template = "operator_factor_removed"
    return await seal_notice_to(identity, plane, operator_id, template, factor=factor)


async def _queue(tx: Tx, notice: SealedMail | None) -> None:
    if notice is not None:
        await queue_mail(tx, notice)


async def _end_others(tx: Tx, operator_id: str, session_id: str) -> None:
    # First, so that a sign-in under way waits for it or ends with the sessions.
    await apps.drop_tickets(tx.driver, operator_id)
    await sessions.end(tx.driver, [operator_id], keep=session_id)


def _rp_id(identity: Identity) -> str | None:
    party = identity.staff.passkeys
    return None if party is None else party.rp_id
