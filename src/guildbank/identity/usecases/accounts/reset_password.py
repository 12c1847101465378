"""Choose a new password by a link that goes to the confirmed address."""

from datetime import timedelta

from guildbank.identity.contracts.sign_in import BAD_TICKET, OF_AN_ACCOUNT
from guildbank.identity.rules import read_email
from guildbank.identity.store import accounts, sessions
from guildbank.identity.store import emails as store
from guildbank.identity.store.players import hold_player, replaced
from guildbank.identity.store.tickets import drop
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.confirm_email import tell_cleared
from guildbank.identity.usecases.accounts.letters import letter, may_write
from guildbank.identity.usecases.protection.check import check_captcha, check_new_password
from guildbank.identity.usecases.sign_in.tickets import (
    find_ticket,
    keep_ticket,
    new_secret,
    new_ticket,
    take_ticket,
)
from guildbank.infra.http import UNKNOWN_ADDRESS, ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail

RESETTING = timedelta(minutes=30)
RESET_PATH = "/reset-password?token="


async def ask_reset(
    identity: Identity,
    tenant: TenantRef,
    address: str,
    captcha: str | None = None,
    stranger: ClientAddress = UNKNOWN_ADDRESS,
) -> Refusal | None:
    """Mail a link to who confirmed the address, and word to anyone else that there is no account.

    Either way a message is sent, so that neither the answer nor its time tells which it is.
    Refusals: `address_invalid`, and those of captchas. Raises StoreAway.
    """
    email = read_email(address)
    if isinstance(email, Refusal):
        return email
    refused = await check_captcha(identity, tenant, "reset_password", captcha, stranger)
    if refused is not None:
        return refused
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        holder = await store.holder(tx.driver, email.canonical)
    if holder is not None and holder.state in ("closed", "erased"):
        holder = None
    secret = new_secret()
    ticket = new_ticket(
        identity,
        secret,
        "reset_password",
        RESETTING,
        player_id=None if holder is None else holder.player_id,
    )
    if holder is None:
        mail = await letter(identity, tenant, "no_account", email, {}, life=RESETTING)
    else:
        mail = await letter(
            identity,
            tenant,
            "reset_password",
            holder.email or email,
            {"link": RESET_PATH + secret},
            locale=holder.locale,
            life=RESETTING,
        )
    if await may_write(identity, tenant, email, "reset"):
        async with identity.db.begin(tenant.schema) as tx:
            await keep_ticket(tx, ticket)
            await queue_mail(tx, mail)
    return None


async def reset_password(
    identity: Identity, tenant: TenantRef, secret: str, wanted: str
) -> Refusal | None:
    """Set the password that the mailed secret allows to set, and end all of the player's sessions.

    It signs nobody in, so a second factor is asked for as ever; but where who reads the mail was
    never seen inside the account, all that it was entered by goes with the password. A password
    that is refused leaves the link good. Refusals: `ticket_not_valid`, `out_of_range`,
    `invalid_value`, `weak_password`. Raises Overworked.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        ticket = await find_ticket(identity, tx, secret, "reset_password")
        player_id = None if ticket is None else ticket.player_id
        own = None if player_id is None else await store.own(tx.driver, player_id)
    if own is None or own.email is None:
        return BAD_TICKET
    password = await check_new_password(identity, wanted, own.words)
    if isinstance(password, Refusal):
        return password
    hash_ = await identity.passwords.hash(password)
    notice = await letter(identity, tenant, "password_changed", own.email, {}, locale=own.locale)
    cleared = None if own.owned else await tell_cleared(identity, tenant, own)
    expected = identity.standings.expect(tenant, own.player_id)
    now = identity.clock.now()
    async with identity.db.begin(tenant.schema) as tx:
        if await hold_player(tx.driver, own.player_id) is None:
            return BAD_TICKET
        taken = await take_ticket(identity, tx, secret, "reset_password")
        if taken is not None:
            await replaced(tx.driver, [own.player_id])
            if not own.owned:
                await store.own_it(tx.driver, own.player_id, now)
                gone = await store.expel(tx.driver, own.player_id, None, own.email.canonical)
                if gone and cleared is not None:
                    await queue_mail(tx, cleared)
            await accounts.set_password(tx.driver, own.player_id, hash_, now)
            await drop(tx.driver, own.player_id, list(OF_AN_ACCOUNT))
            await sessions.end(tx.driver, own.player_id, now)
            await sessions.tell(tx.driver, own.player_id)
            await queue_mail(tx, notice)
    await identity.standings.settle(tenant, own.player_id, expected, told=taken is not None)
    return BAD_TICKET if taken is None else None
