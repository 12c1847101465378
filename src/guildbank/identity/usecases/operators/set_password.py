"""Change an operator's password, by the old one or a mailed link; a code is asked for as before."""

import secrets

import msgspec

from guildbank.identity.contracts.events import PASSWORD_SET
from guildbank.identity.contracts.operators import (
    NO_OPERATOR,
    RESET_ENDED,
    RESET_LIFE,
    RESET_PAUSE,
    SIGN_IN_FAILED,
)
from guildbank.identity.rules import read_email, token_hash
from guildbank.identity.store.operators import factors as store
from guildbank.identity.store.operators import people, sessions
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.operators.finish_sign_in import has_password
from guildbank.identity.usecases.operators.invite import plane_of_secret
from guildbank.identity.usecases.operators.staff import Plane
from guildbank.identity.usecases.operators.tell import seal_notice
from guildbank.identity.usecases.protection.check import check_new_password
from guildbank.infra.http import ClientAddress
from guildbank.kernel import Refusal, new_id
from guildbank.notify import Mail, queue_mail, seal_mail

LINK = "/operator/reset#token="
_SECRET_BYTES = 32


async def change_password(
    identity: Identity,
    plane: Plane,
    operator_id: str,
    session_id: str,
    old: str,
    new: str,
    client: ClientAddress,
) -> Refusal | None:
    """Set a new password and end all other sessions of the operator.

    Refusals: `login_failed` (the old one), `login_throttled`, and those of a new password. Raises
    Overworked and StoreAway.
    """
    asked = (plane.id, f"operator code:{operator_id}", client, None)
    throttled = await identity.throttle.check(*asked)
    if throttled is not None:
        return throttled
    if not await has_password(identity, plane, operator_id, old):
        return msgspec.structs.replace(SIGN_IN_FAILED, field="oldPassword")
    await identity.throttle.succeeded(*asked)
    return await _set(identity, plane, operator_id, new, keep=session_id)


async def mail_reset(identity: Identity, plane: Plane, address: str) -> Refusal | None:
    """Mail a link to a new password, if the address is an active operator's.

    What is answered says nothing of that. A second mail is not sent for some minutes. Refusal:
    `address_invalid`.
    """
    email = read_email(address)
    if isinstance(email, Refusal):
        return msgspec.structs.replace(email, field="address")
    now = identity.clock.now()
    secret = f"{plane.id}.{secrets.token_urlsafe(_SECRET_BYTES)}"
    mail = Mail(
        template="identity.operator_reset",
        to=email.address,
        values={"link": LINK + secret},
        audience="operator",
        key=new_id("mail"),
        expires_at=now + RESET_LIFE,
    )
    # Sealed for whom there is no account too, so that it takes as long.
    sealed = await seal_mail(identity.notify, plane.tenant, mail, now)
    if isinstance(sealed, Refusal):
        return sealed
    async with identity.db.begin(plane.schema) as tx:
        operator = await people.by_address(tx.driver, email.canonical)
        if operator is None or operator.state != "active":
            return None
        if not await people.has_password(tx.driver, operator.id):
            # A password would be a way in that no group of the studio's closes.
            return None
        since = now - RESET_PAUSE
        if await store.made_since(tx.driver, operator.id, "reset_password", since):
            return None
        ends = now + RESET_LIFE
        hash_ = token_hash(secret)
        await store.add_ticket(tx.driver, hash_, "reset_password", operator.id, now, ends)
        await queue_mail(tx, sealed)
    return None


async def reset_password(identity: Identity, secret: str, new: str) -> Refusal | None:
    """Set a new password by a mailed link, and end every session of the operator.

    Signing in still takes the second factor. Refusals: `reset_ended`, and those of a new password,
    which leave the link good. Raises Overworked.
    """
    plane = await plane_of_secret(identity, secret)
    if plane is None:
        return RESET_ENDED
    now = identity.clock.now()
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        operator_id = await store.find_ticket(tx.driver, token_hash(secret), "reset_password", now)
    if operator_id is None:
        return RESET_ENDED
    return await _set(identity, plane, operator_id, new, ticket=token_hash(secret))


async def _set(
    identity: Identity,
    plane: Plane,
    operator_id: str,
    new: str,
    *,
    keep: str | None = None,
    ticket: bytes | None = None,
) -> Refusal | None:
    async with identity.db.begin(plane.schema, read_only=True) as tx:
        operator = await people.one(tx.driver, operator_id)
    if operator is None:
        return NO_OPERATOR if ticket is None else RESET_ENDED
    password = await check_new_password(identity, new, [operator.address, operator.name])
    if isinstance(password, Refusal):
        return password
    hash_ = await identity.passwords.hash(password)
    notice = await seal_notice(identity, plane, operator, "operator_password_changed")
    async with identity.db.begin(plane.schema) as tx:
        if ticket is not None:
            now = identity.clock.now()
            if await store.take_ticket(tx.driver, ticket, "reset_password", now) is None:
                return RESET_ENDED
            if not await people.has_password(tx.driver, operator_id):
                return RESET_ENDED
        await people.set_password(tx.driver, operator_id, hash_)
        await store.drop_tickets(tx.driver, operator_id)
        await sessions.end(tx.driver, [operator_id], keep=keep)
        await queue_mail(tx, notice)
        told = {"operatorId": operator_id, "byMail": ticket is not None}
        await plane.recorder.record(tx, operator_id, PASSWORD_SET, told)
    return None
