"""The mails of accounts, with a brake for those that a stranger can cause."""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import structlog

from guildbank.identity.contracts.players import Account, Email
from guildbank.identity.store import emails as store
from guildbank.identity.store.tickets import TICKETS, NewTicket
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.sign_in.tickets import (
    code_hash,
    new_code,
    new_secret,
    new_ticket,
)
from guildbank.infra.limits import RateLimit
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Stage
from guildbank.kernel import Refusal
from guildbank.notify import OUTGOING, Mail, SealedMail, seal_mail

log = structlog.get_logger(__name__)

TO_ONE_ADDRESS = RateLimit("mails-to-one-address", 6, 3_600, exact=True)
"""So much can be sent to an address whose owner may not have asked for it."""
CLAIMS_OF_ONE_ADDRESS = 20
"""So many players may claim an address that nobody confirmed: the first, and the newest others."""
CONFIRMING = timedelta(days=2)
SIGN_IN_PATH = "/sign-in"
CONFIRM_PATH = "/confirm-email?token="


class Greeting(NamedTuple):
    """What an act sends to the address that it claims for a player, and the ticket of it."""

    mail: SealedMail | None = None
    ticket: NewTicket | None = None

    def put(self, stage: Stage) -> None:
        """Send it with the act."""
        if self.ticket is not None:
            stage.put(TICKETS, self.ticket.hash, self.ticket)
        if self.mail is not None:
            stage.put(OUTGOING, self.mail.id, self.mail)


async def letter(
    identity: Identity,
    tenant: TenantRef,
    template: str,
    to: Email,
    values: Mapping[str, str],
    *,
    locale: str | None = None,
    life: timedelta | None = None,
) -> SealedMail:
    """Return a mail of this room, ready to be queued; not for the inside of a transaction."""
    now = identity.clock.now()
    mail = Mail(
        template=f"identity.{template}",
        to=to.address,
        values=values,
        locale=locale,
        expires_at=None if life is None else now + life,
    )
    sealed = await seal_mail(identity.notify, tenant, mail, now)
    if isinstance(sealed, Refusal):
        # The address was read as mail reads it, and the values are ours.
        raise ValueError(f"the mail {template} cannot be written: {sealed.code}")
    return sealed


async def may_write(identity: Identity, tenant: TenantRef, to: Email, kind: str) -> bool:
    """Count a mail that a stranger can cause, and say whether it may be sent.

    Each kind has a count of its own: who registers with an address stops no mail that recovers it.
    """
    verdict = await identity.limiter.ask(TO_ONE_ADDRESS, f"{tenant.id} {kind} {to.canonical}")
    if not verdict.allowed:
        log.info("mail_held_back", tenant=tenant.slug, meaning="too many to one address")
    return verdict.allowed


async def asks_to_confirm(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    email_id: str,
    email: Email,
    locale: str | None,
) -> tuple[SealedMail, NewTicket]:
    """Return the mail that asks to confirm a claimed address, and the ticket that does."""
    secret, code = new_secret(), new_code()
    ticket = new_ticket(
        identity,
        secret,
        "confirm_email",
        CONFIRMING,
        player_id=player_id,
        data=email_id.encode(),
        code=await code_hash(identity, tenant, "confirm_email", player_id, code),
    )
    values = {"link": CONFIRM_PATH + secret, "code": code}
    mail = await letter(
        identity, tenant, "confirm_email", email, values, locale=locale, life=CONFIRMING
    )
    return mail, ticket


async def greeting(identity: Identity, tenant: TenantRef, account: Account) -> Greeting:
    """Return what a registration sends to the address that it claims.

    Whose it is already gets word of that instead; who registers sees no difference.
    """
    if account.email is None or account.email_id is None:
        return Greeting()
    async with identity.db.begin(tenant.schema) as tx:
        await store.lock_address(tx.driver, account.email.canonical)
        await store.drop_crowd(tx.driver, account.email.canonical, CLAIMS_OF_ONE_ADDRESS - 2)
        holder = await store.holder(tx.driver, account.email.canonical)
    mail, ticket = await asks_to_confirm(
        identity, tenant, account.player_id, account.email_id, account.email, account.locale
    )
    told = await already_registered(
        identity, tenant, account.email, account.locale if holder is None else holder.locale
    )
    if not await may_write(identity, tenant, account.email, "register"):
        return Greeting()
    if holder is None:
        return Greeting(mail, ticket)
    return Greeting(told, ticket)


async def already_registered(
    identity: Identity, tenant: TenantRef, email: Email, locale: str | None
) -> SealedMail:
    """Return the mail to who has the address already."""
    values = {"sign_in_link": SIGN_IN_PATH}
    return await letter(identity, tenant, "already_registered", email, values, locale=locale)
