"""Confirm that a player reads the mail of an address: from then on it is theirs alone."""

import asyncio
from collections.abc import Awaitable, Callable

from guildbank.identity.contracts.players import EMAIL_TAKEN, NO_PLAYER
from guildbank.identity.contracts.sign_in import BAD_TICKET, OF_AN_ACCOUNT, Ticket
from guildbank.identity.store import emails as store
from guildbank.identity.store import sessions
from guildbank.identity.store.emails import Holder
from guildbank.identity.store.players import replaced
from guildbank.identity.store.tickets import drop
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.letters import asks_to_confirm, letter, may_write
from guildbank.identity.usecases.sign_in.tickets import (
    code_hash,
    count_try,
    find_by_code,
    find_ticket,
    keep_ticket,
    take_by_code,
    take_ticket,
)
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import SealedMail, queue_mail

NO_CLAIM = Refusal(
    code="invalid_value", detail="There is no address that waits to be confirmed.", field="email"
)
TOO_MANY_MAILS = Refusal(
    code="rate_limited",
    detail="Too many messages went to this address. Look among those, or try again in an hour.",
)


async def send_confirmation(
    identity: Identity, tenant: TenantRef, player_id: str
) -> Refusal | None:
    """Send the player's claimed address a new link and code; the ones before stay good.

    Refusals: `not_found`, `invalid_value` (nothing to confirm), `rate_limited`.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        own = await store.own(tx.driver, player_id)
    if own is None:
        return NO_PLAYER
    if own.confirmed or own.email is None or own.email_id is None:
        return NO_CLAIM
    if not await may_write(identity, tenant, own.email, "confirm"):
        return TOO_MANY_MAILS
    mail, ticket = await asks_to_confirm(
        identity, tenant, player_id, own.email_id, own.email, own.locale
    )
    async with identity.db.begin(tenant.schema) as tx:
        await keep_ticket(tx, ticket)
        await queue_mail(tx, mail)
    return None


async def confirm_email(
    identity: Identity, tenant: TenantRef, secret: str, inside: str | None = None
) -> Refusal | None:
    """Confirm the address that the mailed secret was sent to; `inside` is who sent it signed in.

    All who only claimed it lose it, their sessions and their password. Nor is it known that the
    account was made by who reads the mail, unless they sent the secret from inside it: else what it
    is entered by goes, but the password and an account elsewhere with the same address. Refusals:
    `ticket_not_valid`, and `email_taken`, which leaves the secret good.
    """
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        ticket = await find_ticket(identity, tx, secret, "confirm_email")
        own = None if ticket is None else await store.own(tx.driver, ticket.player_id or "")
    if ticket is None or own is None:
        return BAD_TICKET

    async def take(tx: Tx) -> Ticket | None:
        return await take_ticket(identity, tx, secret, "confirm_email")

    return await _confirm(identity, tenant, ticket, own, take, owned=inside == own.player_id)


async def confirm_email_by_code(
    identity: Identity, tenant: TenantRef, player_id: str, code: str
) -> Refusal | None:
    """Confirm the player's own claim by the code of the mail, of which there are few tries.

    Who types it reads the mail and is inside the account: all that is there is theirs. Refusals:
    `ticket_not_valid`, `email_taken`.
    """
    hashed = await code_hash(identity, tenant, "confirm_email", player_id, code)
    await count_try(identity, tenant, player_id, "confirm_email")
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        ticket = await find_by_code(identity, tx, player_id, "confirm_email", hashed)
        own = None if ticket is None else await store.own(tx.driver, player_id)
    if ticket is None or own is None:
        return BAD_TICKET

    async def take(tx: Tx) -> Ticket | None:
        return await take_by_code(identity, tx, player_id, "confirm_email", hashed)

    return await _confirm(identity, tenant, ticket, own, take, owned=True)


Waiting = dict[str, asyncio.Event]
"""Players whose sessions a transaction ends, and what is set when this process hears of it."""


class Spent(Exception):
    """Somebody else used the ticket meanwhile: what this transaction did must not stand."""


async def _confirm(
    identity: Identity,
    tenant: TenantRef,
    ticket: Ticket,
    own: Holder,
    take: Callable[[Tx], Awaitable[Ticket | None]],
    *,
    owned: bool,
) -> Refusal | None:
    email_id, player_id = ticket.data.decode(), own.player_id
    notice = None if owned else await tell_cleared(identity, tenant, own)
    waiting: Waiting = {}
    try:
        async with identity.db.begin(tenant.schema) as tx:
            canonical = await store.claim(tx.driver, email_id, player_id)
            if canonical is None:
                return BAD_TICKET
            refusal = await take_address(identity, tenant, tx, canonical, player_id, waiting)
            if refusal is not None:
                return refusal
            if await take(tx) is None:
                raise Spent
            now = identity.clock.now()
            await store.confirm(tx.driver, email_id, now, owned=owned)
            await drop(tx.driver, player_id, ["confirm_email"])
            if not owned and await store.expel(tx.driver, player_id, None, canonical):
                await put_out(identity, tenant, tx, player_id, waiting)
                if notice is not None:
                    await queue_mail(tx, notice)
    except Spent:
        return BAD_TICKET
    finally:
        await heard(identity, tenant, waiting)
    return None


async def put_out(
    identity: Identity, tenant: TenantRef, tx: Tx, player_id: str, waiting: Waiting
) -> None:
    """End what was begun by ways in that this transaction takes; its player is locked."""
    waiting[player_id] = identity.standings.expect(tenant, player_id)
    await replaced(tx.driver, [player_id])
    await drop(tx.driver, player_id, list(OF_AN_ACCOUNT))
    await sessions.end(tx.driver, player_id, identity.clock.now())
    await sessions.tell(tx.driver, player_id)


async def tell_cleared(identity: Identity, tenant: TenantRef, own: Holder) -> SealedMail | None:
    """Return the mail that says that other ways into the account were taken away."""
    if own.email is None:
        return None
    return await letter(identity, tenant, "access_cleared", own.email, {}, locale=own.locale)


async def take_address(
    identity: Identity,
    tenant: TenantRef,
    tx: Tx,
    canonical: str,
    player_id: str,
    waiting: Waiting,
) -> Refusal | None:
    """Make room for the player to hold the address alone, and lock the player.

    Refusals, before anything is changed: `email_taken` if another confirmed it, `ticket_not_valid`
    for a player who was erased. Fills `waiting`: the caller hands it to `heard` once the
    transaction is over.
    """
    await store.lock_address(tx.driver, canonical)
    if not await store.lock_claimants(tx.driver, canonical, player_id):
        return BAD_TICKET
    holder = await store.holder(tx.driver, canonical)
    if holder is not None and holder.player_id != player_id:
        return EMAIL_TAKEN
    stripped = await store.strip(tx.driver, canonical, player_id)
    await replaced(tx.driver, stripped)
    for other in stripped:
        waiting[other] = identity.standings.expect(tenant, other)
        await sessions.end(tx.driver, other, identity.clock.now())
        await sessions.tell(tx.driver, other)
    return None


async def heard(identity: Identity, tenant: TenantRef, waiting: Waiting) -> None:
    """Return once this process has heard of the sessions that ended."""
    for player_id, expected in waiting.items():
        await identity.standings.settle(tenant, player_id, expected, told=True)
