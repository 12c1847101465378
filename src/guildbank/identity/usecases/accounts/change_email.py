"""Change a player's address: the new one confirms it, the old one can take it back for a while."""

from datetime import timedelta

import msgspec

from guildbank.identity.contracts.external import IS_GUEST
from guildbank.identity.contracts.players import NO_PLAYER, Email
from guildbank.identity.contracts.sign_in import BAD_TICKET, Ticket
from guildbank.identity.rules import read_email
from guildbank.identity.store import emails as store
from guildbank.identity.store.emails import Holder
from guildbank.identity.store.guests import is_guest
from guildbank.identity.store.tickets import NewTicket, drop, drop_later
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.confirm_email import (
    TOO_MANY_MAILS,
    Spent,
    Waiting,
    heard,
    put_out,
    take_address,
)
from guildbank.identity.usecases.accounts.letters import (
    already_registered,
    letter,
    may_write,
)
from guildbank.identity.usecases.factors.require_factor import require_factor
from guildbank.identity.usecases.protection.check import check_address_allowed
from guildbank.identity.usecases.sign_in.tickets import (
    find_ticket,
    keep_ticket,
    new_secret,
    new_ticket,
    take_ticket,
)
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id
from guildbank.notify import SealedMail, queue_mail

CHANGING = timedelta(days=1)
UNDOING = timedelta(hours=72)
CHANGE_PATH = "/change-email?token="
UNDO_PATH = "/undo-email?token="
SAME_ADDRESS = Refusal(
    code="invalid_value", detail="The account has this address already.", field="email"
)


class Former(Email, frozen=True):
    """An address that was given up, and whether its reader was seen inside the account."""

    owned: bool = False


async def ask_change_email(
    identity: Identity, tenant: TenantRef, player_id: str, session_id: str | None, address: str
) -> Refusal | None:
    """Mail the new address a link; nothing changes before it is followed.

    An address that is somebody's gets word of that instead, and the caller sees no difference.
    Refusals: `address_invalid`, `disposable_address`, `invalid_value` (it is the player's own),
    `rate_limited`, `not_found`, and those of `require_factor`. Raises StoreAway.
    """
    email = read_email(address)
    if isinstance(email, Refusal):
        return email
    refused = await require_factor(
        identity, tenant, player_id, session_id, "change_email"
    ) or await check_address_allowed(identity, tenant, email)
    if refused is not None:
        return refused
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        own = await store.own(tx.driver, player_id)
        holder = await store.holder(tx.driver, email.canonical)
        guest = await is_guest(tx.driver, player_id)
    if own is None:
        return NO_PLAYER
    if guest:
        return IS_GUEST
    if own.confirmed and own.email is not None and own.email.canonical == email.canonical:
        return SAME_ADDRESS
    if not await may_write(identity, tenant, email, "change"):
        return TOO_MANY_MAILS
    secret = new_secret()
    ticket = new_ticket(
        identity,
        secret,
        "change_email",
        CHANGING,
        player_id=player_id,
        data=msgspec.json.encode(email),
    )
    asked = await letter(
        identity,
        tenant,
        "email_change_confirm",
        email,
        {"link": CHANGE_PATH + secret},
        locale=own.locale,
        life=CHANGING,
    )
    told = await already_registered(identity, tenant, email, own.locale)
    async with identity.db.begin(tenant.schema) as tx:
        # One change waits at a time, and who corrects an address that was mistyped makes what was
        # mailed there worthless.
        await drop(tx.driver, player_id, ["change_email", "confirm_email"])
        await keep_ticket(tx, ticket)
        await queue_mail(tx, asked if holder is None else told)
    return None


async def confirm_change_email(
    identity: Identity, tenant: TenantRef, secret: str, inside: str | None = None
) -> Refusal | None:
    """Make the address that the secret was mailed to the player's, and tell the one before.

    `inside` is who sent it signed in: then it is known that who reads the mail has the account. So
    it stays of who was known by the address before: second factors outlive a change. Refusals:
    `ticket_not_valid`, and `email_taken`, which leaves the secret good.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        ticket = await find_ticket(identity, tx, secret, "change_email")
        player_id = None if ticket is None else ticket.player_id
        own = None if player_id is None else await store.own(tx.driver, player_id)
    if ticket is None or own is None:
        return BAD_TICKET
    notice, email = await _notice(identity, tenant, own), _email(ticket)
    owned = inside == player_id or own.owned
    waiting: Waiting = {}
    try:
        async with identity.db.begin(tenant.schema) as tx:
            refusal = await take_address(
                identity, tenant, tx, email.canonical, own.player_id, waiting
            )
            if refusal is not None:
                return refusal
            if await take_ticket(identity, tx, secret, "change_email") is None:
                raise Spent
            now = identity.clock.now()
            await store.replace(tx.driver, own.player_id, new_id("eml"), email, now, owned=owned)
            await drop(tx.driver, own.player_id, ["confirm_email", "reset_password"])
            if notice is not None:
                mail, undo = notice
                await keep_ticket(tx, undo)
                await queue_mail(tx, mail)
    except Spent:
        return BAD_TICKET
    finally:
        await heard(identity, tenant, waiting)
    return None


async def undo_change_email(identity: Identity, tenant: TenantRef, secret: str) -> Refusal | None:
    """Give the player the address back that the secret was mailed to, and put everybody out.

    All sessions end and the password goes, for whoever changed the address may know it; so do
    factors, passkeys and accounts elsewhere that came since. The owner chooses a new password by
    mail. Changes that came after the one that is taken back cannot be undone any more: whoever made
    them would take it back in turn. Refusals: `ticket_not_valid`, `email_taken`.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        ticket = await find_ticket(identity, tx, secret, "undo_email")
    if ticket is None or ticket.player_id is None:
        return BAD_TICKET
    player_id, now = ticket.player_id, identity.clock.now()
    email = msgspec.json.decode(ticket.data, type=Former)
    waiting: Waiting = {}
    try:
        async with identity.db.begin(tenant.schema) as tx:
            refusal = await take_address(identity, tenant, tx, email.canonical, player_id, waiting)
            if refusal is not None:
                return refusal
            if await take_ticket(identity, tx, secret, "undo_email") is None:
                raise Spent
            new, owned = new_id("eml"), email.owned
            await store.replace(tx.driver, player_id, new, email, now, owned=owned)
            await drop(tx.driver, player_id, ["confirm_email"])
            await store.drop_password(tx.driver, player_id)
            await store.expel(tx.driver, player_id, ticket.expires_at - UNDOING, None)
            await drop_later(tx.driver, player_id, "undo_email", ticket.expires_at)
            await put_out(identity, tenant, tx, player_id, waiting)
    except Spent:
        return BAD_TICKET
    finally:
        await heard(identity, tenant, waiting)
    return None


async def _notice(
    identity: Identity, tenant: TenantRef, own: Holder
) -> tuple[SealedMail, NewTicket] | None:
    """Return the mail to the address that is given up, with the ticket that takes it back."""
    if own.email is None or not own.confirmed:
        return None
    secret = new_secret()
    undo = new_ticket(
        identity,
        secret,
        "undo_email",
        UNDOING,
        player_id=own.player_id,
        data=msgspec.json.encode(Former(own.email.address, own.email.canonical, own.owned)),
    )
    mail = await letter(
        identity,
        tenant,
        "email_change_notice",
        own.email,
        {"undo_link": UNDO_PATH + secret},
        locale=own.locale,
        life=UNDOING,
    )
    return mail, undo


def _email(ticket: Ticket) -> Email:
    return msgspec.json.decode(ticket.data, type=Email)
