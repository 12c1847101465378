"""Hand out secrets that work once, by link or by a code of digits, and take them back."""

import secrets
from datetime import timedelta

from guildbank.identity.contracts.sign_in import Purpose, Ticket
from guildbank.identity.rules import token_hash
from guildbank.identity.store import sessions
from guildbank.identity.store import tickets as store
from guildbank.identity.store.tickets import NewTicket
from guildbank.identity.usecases import Identity
from guildbank.infra.database import Tx
from guildbank.infra.each_tenant import each_tenant
from guildbank.infra.tenant import TenantRef

AT_ONCE = 500
KEPT = timedelta(days=30)
"""How long sessions that ended are kept for who looks into a theft."""
CODE_DIGITS = 8
CODE_TRIES = 5
MAX_SECRET = 64
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return what goes into a link: 256 random bits, of which only a hash is kept."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def new_code() -> str:
    """Return digits for a person to type, of which there are few tries."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"


async def code_hash(
    identity: Identity, tenant: TenantRef, purpose: Purpose, player_id: str, code: str
) -> bytes:
    """Return what is kept of a code: under the tenant's key, since digits are guessed quickly.

    Not for the inside of a transaction: the key may need a connection of its own.
    """
    key = await identity.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    return key.hash(b"ticket code", f"{purpose}.{player_id}.{code}".encode())


def new_ticket(
    identity: Identity,
    secret: str,
    purpose: Purpose,
    life: timedelta,
    *,
    player_id: str | None = None,
    data: bytes = b"",
    code: bytes | None = None,
) -> NewTicket:
    """Return what is kept so that `secret` stands for a ticket; `code` is the hash of one."""
    ticket = Ticket(
        purpose=purpose,
        player_id=player_id,
        data=data,
        expires_at=identity.clock.now() + life,
    )
    return NewTicket(token_hash(secret), ticket, code)


async def keep_ticket(tx: Tx, new: NewTicket) -> None:
    """Keep the ticket; its secret is good from the caller's commit on."""
    await store.add(tx.driver, new)


async def add_ticket(
    identity: Identity,
    tx: Tx,
    secret: str,
    purpose: Purpose,
    life: timedelta,
    *,
    player_id: str | None = None,
    data: bytes = b"",
    code: bytes | None = None,
) -> Ticket:
    """Let `secret` stand for a ticket from the caller's commit on; `code` is the hash of one."""
    new = new_ticket(identity, secret, purpose, life, player_id=player_id, data=data, code=code)
    await keep_ticket(tx, new)
    return new.ticket


async def find_ticket(identity: Identity, tx: Tx, secret: str, *purposes: Purpose) -> Ticket | None:
    """Return the ticket of a secret that is still good, and leave it so."""
    if len(secret) > MAX_SECRET:
        return None
    now = identity.clock.now()
    return await store.find(tx.driver, token_hash(secret), list(purposes), now)


async def take_ticket(identity: Identity, tx: Tx, secret: str, *purposes: Purpose) -> Ticket | None:
    """Use the ticket of a secret up and return it; None for one that is unknown, used or old."""
    if len(secret) > MAX_SECRET:
        return None
    now = identity.clock.now()
    return await store.take(tx.driver, token_hash(secret), list(purposes), now)


async def count_try(
    identity: Identity, tenant: TenantRef, player_id: str, purpose: Purpose
) -> None:
    """Count that the player typed a code, in a transaction of its own: a failure keeps it too."""
    async with identity.db.begin(tenant.schema) as tx:
        await store.count_try(tx.driver, player_id, purpose)


async def find_by_code(
    identity: Identity, tx: Tx, player_id: str, purpose: Purpose, code: bytes
) -> Ticket | None:
    """Return the ticket that `take_by_code` would use up, and leave it as it is."""
    now = identity.clock.now()
    return await store.find_by_code(tx.driver, player_id, purpose, code, CODE_TRIES, now)


async def take_by_code(
    identity: Identity, tx: Tx, player_id: str, purpose: Purpose, code: bytes
) -> Ticket | None:
    """Use up the player's ticket that has this code's hash; ask `count_try` before."""
    now = identity.clock.now()
    return await store.take_by_code(tx.driver, player_id, purpose, code, CODE_TRIES, now)


async def forget_expired(identity: Identity) -> None:
    """Delete tickets that have expired and old sessions."""
    now = identity.clock.now()

    async def of_one(tenant: TenantRef) -> None:
        forgotten = AT_ONCE
        while forgotten == AT_ONCE:
            async with identity.db.begin(tenant.schema) as tx:
                forgotten = await store.forget(tx.driver, now, AT_ONCE)
        forgotten = AT_ONCE
        while forgotten == AT_ONCE:
            async with identity.db.begin(tenant.schema) as tx:
                forgotten = await sessions.forget_ended(tx.driver, now - KEPT, AT_ONCE)

    tenants = await identity.tenants.all()
    await each_tenant(tenants, of_one, "tickets_not_tidied", suspended=True)
