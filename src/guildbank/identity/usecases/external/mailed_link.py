"""Link an account elsewhere to the player who has its address, by a code mailed to that address."""

import msgspec

from guildbank.identity.contracts.external import BAD_LINK_CODE, BAD_LINK_TICKET, LinkOffer
from guildbank.identity.contracts.players import Email, barred_by
from guildbank.identity.store import emails
from guildbank.identity.store import external as store
from guildbank.identity.store.accounts import read_profile
from guildbank.identity.store.players import hold_player
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.confirm_email import Waiting, heard, put_out
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external.enter import OFFER_LIFE, OFFER_PLACE, Offer
from guildbank.identity.usecases.external.link import link
from guildbank.identity.usecases.sign_in.finish import Visitor, Welcome, welcome
from guildbank.identity.usecases.sign_in.tickets import (
    add_ticket,
    code_hash,
    count_try,
    find_ticket,
    new_code,
    new_secret,
    take_by_code,
    take_ticket,
)
from guildbank.infra.database import Tx
from guildbank.infra.http import ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.notify import Mail, SealedMail, queue_mail, seal_mail

LINK_CODE = "identity.link_code"


async def send_link_code(
    external: ExternalSignIn, tenant: TenantRef, ticket: str, address: ClientAddress
) -> LinkOffer | Refusal:
    """Mail a code to the address that the account elsewhere and a player here have in common.

    A ticket sends one mail, and how many one player gets is slowed down as guessing is. Returns
    the ticket with which the code comes back. Refusals: `link_code_refused`, `login_throttled`.
    Raises StoreAway.
    """
    identity = external.identity
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        offered = await find_ticket(identity, tx, ticket, "link_offer")
    if offered is None or offered.player_id is None:
        return BAD_LINK_TICKET
    player_id = offered.player_id
    throttled = await _throttled(external, tenant, player_id, address)
    if throttled is not None:
        return throttled
    safe = await external.safe(tenant)
    offer = msgspec.json.decode(safe.open(OFFER_PLACE, offered.data), type=Offer)
    code, successor = new_code(), new_secret()
    mail = await _mail(external, tenant, player_id, offer, code)
    if mail is None:
        return BAD_LINK_TICKET
    hash_ = await _hash(external, tenant, player_id, successor, code)
    async with identity.db.begin(tenant.schema) as tx:
        if await take_ticket(identity, tx, ticket, "link_offer") is None:
            return BAD_LINK_TICKET
        kept = await add_ticket(
            identity,
            tx,
            successor,
            "link_code",
            OFFER_LIFE,
            player_id=player_id,
            data=offered.data,
            code=hash_,
        )
        await queue_mail(tx, mail)
    return LinkOffer(successor, kept.expires_at)


async def link_by_code(
    external: ExternalSignIn,
    tenant: TenantRef,
    ticket: str,
    code: str,
    visitor: Visitor,
) -> Welcome | Refusal:
    """Link the account elsewhere to the player who got the code, and sign them in.

    Refusals: `link_code_refused`, `login_throttled`, those of `link` and of `finish_sign_in`.
    Raises StoreAway and Unavailable.
    """
    identity = external.identity
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        sent = await find_ticket(identity, tx, ticket, "link_code")
    if sent is None or sent.player_id is None:
        return BAD_LINK_TICKET
    player_id = sent.player_id
    throttled = await _throttled(external, tenant, player_id, visitor.address)
    if throttled is not None:
        return throttled
    await count_try(identity, tenant, player_id, "link_code")
    hash_ = await _hash(external, tenant, player_id, ticket, code)
    waiting: Waiting = {}
    async with identity.db.begin(tenant.schema) as tx:
        held = await hold_player(tx.driver, player_id)
        taken = await take_by_code(identity, tx, player_id, "link_code", hash_)
        if held is not None and taken is not None:
            await _clear(identity, tenant, tx, player_id, waiting)
        entrant = await store.entrant(tx.driver, player_id)
    await heard(identity, tenant, waiting)
    if taken is None or held is None or entrant is None:
        return BAD_LINK_CODE
    await identity.throttle.succeeded(tenant.id, _account(player_id), visitor.address, None)
    barred = barred_by(entrant.state)
    if barred is not None:
        return barred
    safe = await external.safe(tenant)
    offer = msgspec.json.decode(safe.open(OFFER_PLACE, taken.data), type=Offer)
    # A mailed code is the way in here, and no second factor: who has one is asked for it first,
    # and links in the session that follows.
    entered = await welcome(identity, tenant, visitor, entrant, ("external",))
    if isinstance(entered, Refusal):
        return entered
    linked = await link(external, tenant, player_id, offer.arrival)
    return linked if isinstance(linked, Refusal) else entered


async def _clear(
    identity: Identity, tenant: TenantRef, tx: Tx, player_id: str, waiting: Waiting
) -> None:
    """Put out whoever made the account, where its address' reader was never seen inside."""
    own = await emails.own(tx.driver, player_id)
    if own is None or own.owned or own.email is None or not own.confirmed:
        return
    await emails.own_it(tx.driver, player_id, identity.clock.now())
    await emails.drop_password(tx.driver, player_id)
    await emails.expel(tx.driver, player_id, None, own.email.canonical)
    await put_out(identity, tenant, tx, player_id, waiting)


async def _mail(
    external: ExternalSignIn, tenant: TenantRef, player_id: str, offer: Offer, code: str
) -> SealedMail | None:
    """Return the mail to the address as the player wrote it; None if it is not theirs any more."""
    identity = external.identity
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        address: Email | None = await store.confirmed_address(tx.driver, player_id, offer.canonical)
        profile = await read_profile(tx.driver, player_id)
    if address is None or profile is None:
        return None
    now = identity.clock.now()
    mail = Mail(
        template=LINK_CODE,
        to=address.address,
        values={"code": code, "provider": offer.arrival.provider},
        locale=profile.locale,
        expires_at=now + OFFER_LIFE,
    )
    sealed = await seal_mail(identity.notify, tenant, mail, now)
    if isinstance(sealed, Refusal):
        raise ValueError(f"a confirmed address cannot be written to: {sealed.code}")
    return sealed


async def _throttled(
    external: ExternalSignIn, tenant: TenantRef, player_id: str, address: ClientAddress
) -> Refusal | None:
    return await external.identity.throttle.check(tenant.id, _account(player_id), address, None)


def _account(player_id: str) -> str:
    """Return under what tries to link are counted: apart from those of the player's password."""
    return f"link {player_id}"


async def _hash(
    external: ExternalSignIn, tenant: TenantRef, player_id: str, ticket: str, code: str
) -> bytes:
    """Return the hash of a code that is good with its own ticket only."""
    named = f"{ticket}.{code}"
    return await code_hash(external.identity, tenant, "link_code", player_id, named)
