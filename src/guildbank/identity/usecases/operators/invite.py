"""Invite a person to work here, and let whoever has the link become an operator, once."""

import secrets
from collections.abc import Sequence
from datetime import timedelta

import msgspec

from guildbank.identity.contracts.events import INVITATION_WITHDRAWN, INVITED, OPERATOR_JOINED
from guildbank.identity.contracts.operators import (
    ADDRESS_DIFFERS,
    ADDRESS_MISSING,
    ADDRESS_TAKEN,
    INVITATION_ENDED,
    INVITATION_LIFE,
    LINK_LIFE,
    NO_INVITATION,
    OWNER,
    OWNER_EXISTS,
    ComesInBy,
    HalfSignIn,
    Invitation,
    InvitationKind,
    Operator,
)
from guildbank.identity.contracts.players import Email
from guildbank.identity.contracts.studio import NOBODY_BY_STUDIO, STUDIO_ACCEPTS
from guildbank.identity.rules import check_gift, read_email, token_hash
from guildbank.identity.store.operators import invitations as store
from guildbank.identity.store.operators import people, studio
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.authority import authority_of
from guildbank.identity.usecases.operators.half_sign_in import ask_for_factor
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.protection.check import check_new_password
from guildbank.infra.acting import HOST
from guildbank.infra.database import Tx
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.notify import Mail, SealedMail, queue_mail, seal_mail

LINK = "/operator/accept#token="
"""What follows `#` is sent to no server, so that no log has it."""
MAX_SECRET = 200
_SECRET_BYTES = 32


class Newcomer(msgspec.Struct, frozen=True, kw_only=True):
    """What a person fills in who accepts; `address` only where the link names none."""

    name: str
    password: str
    address: str | None = None


async def invite(
    identity: Identity,
    plane: Plane,
    by: str,
    address: str,
    roles: Sequence[str],
    comes_in_by: ComesInBy = "password",
) -> Invitation | Refusal:
    """Mail an invitation; it takes the place of an earlier one to the same address.

    Refusals: `address_invalid`, `operator_exists`, `invalid_value`, `permission_not_held`,
    `operator_suspended` (who does it), `unknown_identity_provider` (nobody comes in by the studio).
    """
    ready = await prepare_invitation(identity, plane, by, address, roles, comes_in_by)
    if isinstance(ready, Refusal):
        return ready
    async with identity.db.begin(plane.schema) as tx:
        return await invite_within(plane, tx, by, ready)


class Ready(msgspec.Struct, frozen=True):
    """An invitation that is made but for its rows, with the sealed mail that tells of it."""

    made: Invitation
    canonical: str
    hash: bytes
    mail: SealedMail


async def prepare_invitation(
    identity: Identity,
    plane: Plane,
    by: str,
    address: str,
    roles: Sequence[str],
    comes_in_by: ComesInBy,
) -> Ready | Refusal:
    """Return what `invite` writes; outside any transaction. Refusals: `address_invalid`, mail's."""
    email = read_email(address)
    if isinstance(email, Refusal):
        return msgspec.structs.replace(email, field="address")
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        inviter = await people.one(tx.driver, by)
    secret = _new_secret(plane)
    made = _invitation(identity, "mailed", email.address, roles, by, INVITATION_LIFE)
    made = msgspec.structs.replace(made, comes_in_by=comes_in_by)
    mail = Mail(
        template="identity.operator_invitation",
        to=email.address,
        values={
            "link": LINK + secret,
            "inviter": "" if inviter is None else inviter.name,
            "role": ", ".join(made.roles),
        },
        audience="operator",
        key=made.id,
        expires_at=made.expires_at,
    )
    sealed = await seal_mail(identity.notify, plane.tenant, mail, identity.clock.now())
    if isinstance(sealed, Refusal):
        return sealed
    return Ready(made, email.canonical, token_hash(secret), sealed)


async def invite_within(plane: Plane, tx: Tx, by: str, ready: Ready) -> Invitation | Refusal:
    """Do what `invite` does in the caller's transaction, which is not to commit a refusal."""
    made = ready.made
    authority = await authority_of(plane, tx, by)
    if isinstance(authority, Refusal):
        return authority
    refused = authority.check_gift(made.roles)
    if refused is not None:
        return refused
    if await people.by_address(tx.driver, ready.canonical) is not None:
        return ADDRESS_TAKEN
    if made.comes_in_by == "studio":
        account = await studio.read(tx.driver)
        if account is None or not account.enabled:
            return NOBODY_BY_STUDIO
    await store.add(tx.driver, ready.hash, made, ready.canonical)
    await queue_mail(tx, ready.mail)
    await _record(plane, tx, by, INVITED, made)
    return made


async def make_link(
    identity: Identity, plane: Plane, kind: InvitationKind, roles: Sequence[str]
) -> str | Refusal | None:
    """Return the path of a link that is good for an hour, made by whoever holds the host.

    A `first_owner` link is made only while there is no owner (else None), ends the one before, and
    opens nothing once there is one. Refusal: `invalid_value`.
    """
    secret = _new_secret(plane)
    made = _invitation(identity, kind, None, roles, None, LINK_LIFE)
    async with identity.db.begin(plane.schema) as tx:
        authority = await authority_of(plane, tx, None)
        if isinstance(authority, Refusal):
            return authority
        refused = authority.check_gift(made.roles)
        if refused is not None:
            return refused
        if kind == "first_owner" and await people.holders(tx.driver, OWNER):
            return None
        await store.add(tx.driver, token_hash(secret), made, None)
        await _record(plane, tx, HOST, INVITED, made)
    return LINK + secret


async def accept(identity: Identity, secret: str, newcomer: Newcomer) -> HalfSignIn | Refusal:
    """Make an operator of who has the link; what comes next is to set up a second factor.

    Refusals: `invitation_ended`, `studio_only` (nobody sets a password by this link),
    `missing_field`, `address_invalid`, `invalid_value` (another address than was invited),
    `operator_exists`, and those of a new password. A refusal leaves the link good. Raises
    Overworked.
    """
    # Strangers are not to keep the threads busy that hash passwords.
    found = await find_invitation(identity, secret)
    if isinstance(found, Refusal):
        return found
    plane, seen = found
    if seen.comes_in_by == "studio":
        return STUDIO_ACCEPTS
    words = [newcomer.name, newcomer.address or ""]
    password = await check_new_password(
        identity, newcomer.password, [word for word in words if word]
    )
    if isinstance(password, Refusal):
        return password
    given = None if newcomer.address is None else read_email(newcomer.address)
    if isinstance(given, Refusal):
        return msgspec.structs.replace(given, field="address")
    hash_ = await identity.passwords.hash(password)
    try:
        async with identity.db.begin(plane.schema) as tx:
            await people.take_turns(tx.driver)
            now = identity.clock.now()
            invitation = await store.take(tx.driver, token_hash(secret), now)
            if invitation is None:
                return INVITATION_ENDED
            if invitation.kind == "first_owner" and await people.holders(tx.driver, OWNER):
                raise _Left(OWNER_EXISTS)
            email = _address(invitation, given)
            if isinstance(email, Refusal):
                raise _Left(email)
            operator = Operator(
                id=new_id("op"),
                address=email.address,
                name=newcomer.name,
                state="active",
                roles=invitation.roles,
                second_factor=False,
                created_at=now,
            )
            if not await people.add(tx.driver, operator, email.canonical, hash_):
                raise _Left(ADDRESS_TAKEN)
            half = await ask_for_factor(identity, plane, tx, operator.id)
            await plane.recorder.record(
                tx,
                operator.id,
                OPERATOR_JOINED,
                {"operatorId": operator.id, "invitationId": invitation.id},
                after={"address": email.address, "name": newcomer.name, "roles": operator.roles},
            )
            return half
    except _Left as left:
        return left.refusal


async def find_invitation(identity: Identity, secret: str) -> tuple[Plane, Invitation] | Refusal:
    """Return what a link is good for, and leave it so. Refusal: `invitation_ended`."""
    plane = await plane_of_secret(identity, secret)
    if plane is None:
        return INVITATION_ENDED
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        found = await store.find(tx.driver, token_hash(secret), identity.clock.now())
    return INVITATION_ENDED if found is None else (plane, found)


async def list_invitations(
    identity: Identity, plane: Plane, after: str, limit: int
) -> list[Invitation]:
    """Return invitations that can be accepted, oldest first."""
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        return await store.page(tx.driver, after, limit, identity.clock.now())


async def withdraw(identity: Identity, plane: Plane, by: str, invitation_id: str) -> Refusal | None:
    """Make an invitation worthless. `not_found`, `permission_not_held`, `operator_suspended`."""
    if parse_id("inv", invitation_id) is None:
        return NO_INVITATION
    async with identity.db.begin(plane.schema) as tx:
        authority = await authority_of(plane, tx, by)
        if isinstance(authority, Refusal):
            return authority
        invitation = await store.locked(tx.driver, invitation_id)
        if invitation is None:
            return NO_INVITATION
        # Roles that were deleted meanwhile are no reason to keep it.
        roles = [role for role in invitation.roles if role in authority.meaning]
        refused = check_gift(roles, authority.meaning, authority.held, owner=authority.owner)
        if refused is not None:
            return msgspec.structs.replace(refused, field=None)
        await store.withdraw(tx.driver, invitation_id)
        await _record(plane, tx, by, INVITATION_WITHDRAWN, invitation)
    return None


async def _record(plane: Plane, tx: Tx, by: str, kind: str, invitation: Invitation) -> None:
    told = {
        "address": invitation.address,
        "roles": invitation.roles,
        "kind": invitation.kind,
        "comesInBy": invitation.comes_in_by,
    }
    await plane.recorder.record(tx, by, kind, {"invitationId": invitation.id}, after=told)


async def plane_of_secret(identity: Identity, secret: str) -> Plane | None:
    """Return the plane that a secret of ours names in front of its dot."""
    plane_id, dot, _ = secret.partition(".")
    if not dot or len(secret) > MAX_SECRET or not secret.isascii():
        return None
    return await identity.staff.plane_of(plane_id)


class _Left(Exception):
    """Rolls the transaction back, so that what was refused did not use the link up."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


def _address(invitation: Invitation, given: Email | None) -> Email | Refusal:
    """Return the address that was invited, or the one that was given where none was."""
    if invitation.address is None:
        return given or ADDRESS_MISSING
    invited = read_email(invitation.address)
    if given is not None and isinstance(invited, Email) and given.canonical != invited.canonical:
        return ADDRESS_DIFFERS
    return invited


def _new_secret(plane: Plane) -> str:
    return f"{plane.id}.{secrets.token_urlsafe(_SECRET_BYTES)}"


def _invitation(
    identity: Identity,
    kind: InvitationKind,
    address: str | None,
    roles: Sequence[str],
    by: str | None,
    life: timedelta,
) -> Invitation:
    now = identity.clock.now()
    return Invitation(
        id=new_id("inv"),
        kind=kind,
        address=address,
        roles=tuple(dict.fromkeys(roles)),
        invited_by=by,
        created_at=now,
        expires_at=now + life,
    )
