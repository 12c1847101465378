"""Confirm that a player reads the mail of an address: from then on it is theirs alone."""

import asyncio

from guildbank.identity.contracts.players import EMAIL_TAKEN, NO_PLAYER
from guildbank.identity.contracts.sign_in import BAD_TICKET, Ticket
from guildbank.identity.store import emails as store
from guildbank.identity.store import sessions
from guildbank.identity.store.tickets import drop
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.letters import asks_to_confirm, may_write
from guildbank.identity.usecases.sign_in.tickets import (
    code_hash,
    count_try,
    keep_ticket,
    take_by_code,
    take_ticket,
)
from guildbank.infra.database import Tx
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import queue_mail

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


async def confirm_email(identity: Identity, tenant: TenantRef, secret: str) -> Refusal | None:
    """Confirm the address that the mailed secret was sent to.

    All who only claimed it lose it, their passwords and their sessions: one of them may have known
    that its owner would come. Refusals: `ticket_not_valid`, `email_taken`.
    """
    waiting: Waiting = {}
    async with identity.db.begin(tenant.schema) as tx:
        ticket = await take_ticket(identity, tx, secret, "confirm_email")
        refusal = await _confirm(identity, tenant, tx, ticket, waiting)
    await heard(identity, tenant, waiting)
    return refusal


async def confirm_email_by_code(
    identity: Identity, tenant: TenantRef, player_id: str, code: str
) -> Refusal | None:
    """Confirm the player's own claim by the code of the mail, of which there are few tries.

    Refusals: `ticket_not_valid`, `email_taken`.
    """
    hashed = await code_hash(identity, tenant, "confirm_email", player_id, code)
    await count_try(identity, tenant, player_id, "confirm_email")
    waiting: Waiting = {}
    async with identity.db.begin(tenant.schema) as tx:
        ticket = await take_by_code(identity, tx, player_id, "confirm_email", hashed)
        refusal = await _confirm(identity, tenant, tx, ticket, waiting)
    await heard(identity, tenant, waiting)
    return refusal


Waiting = dict[str, asyncio.Event]
"""Players whose sessions a transaction ends, and what is set when this process hears of it."""


async def _confirm(
    identity: Identity, tenant: TenantRef, tx: Tx, ticket: Ticket | None, waiting: Waiting
) -> Refusal | None:
    if ticket is None or ticket.player_id is None:
        return BAD_TICKET
    email_id, player_id = ticket.data.decode(), ticket.player_id
    canonical = await store.claim(tx.driver, email_id, player_id)
    if canonical is None:
        return BAD_TICKET
    refusal = await take_address(identity, tenant, tx, canonical, player_id, waiting)
    if refusal is None:
        await store.confirm(tx.driver, email_id, identity.clock.now())
        await drop(tx.driver, player_id, ["confirm_email"])
    return refusal


async def take_address(
    identity: Identity,
    tenant: TenantRef,
    tx: Tx,
    canonical: str,
    player_id: str,
    waiting: Waiting,
) -> Refusal | None:
    """Make room for the player to hold the address alone; `email_taken` if another confirmed it.

    Fills `waiting`: the caller hands it to `heard` once the transaction has committed.
    """
    await store.lock_address(tx.driver, canonical)
    holder = await store.holder(tx.driver, canonical)
    if holder is not None and holder.player_id != player_id:
        return EMAIL_TAKEN
    for stripped in await store.strip(tx.driver, canonical, player_id):
        waiting[stripped] = identity.standings.expect(tenant, stripped)
        await sessions.end(tx.driver, stripped, identity.clock.now())
        await sessions.tell(tx.driver, stripped)
    return None


async def heard(identity: Identity, tenant: TenantRef, waiting: Waiting) -> None:
    """Return once this process has heard of the sessions that ended."""
    for player_id, expected in waiting.items():
        await identity.standings.settle(tenant, player_id, expected, told=True)
