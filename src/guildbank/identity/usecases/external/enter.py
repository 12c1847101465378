"""Let in who comes by an account elsewhere: as its player, or as a new one."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar

import msgspec

from guildbank.identity.contracts.external import ExternalLink
from guildbank.identity.contracts.players import CHANGED_MEANWHILE, Account, Email, Player
from guildbank.identity.contracts.sign_in import Entrant
from guildbank.identity.rules import external_key, read_email
from guildbank.identity.store import emails
from guildbank.identity.store import external as store
from guildbank.identity.store.accounts import ACCOUNTS
from guildbank.identity.store.external import LINKS
from guildbank.identity.store.players import PLAYERS
from guildbank.identity.usecases.accounts.letters import Greeting, greeting
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external.proofs import Arrival
from guildbank.identity.usecases.hooks.ask import ask_before_register
from guildbank.identity.usecases.players.add_player import PLAYER_CREATED
from guildbank.identity.usecases.protection.check import check_address_allowed
from guildbank.identity.usecases.sign_in.finish import Visitor, Welcome, welcome
from guildbank.identity.usecases.sign_in.tickets import add_ticket, new_secret
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id

OFFER_LIFE = timedelta(minutes=10)
OFFER_PLACE = "identity_ticket.link_offer"
_KNOWN = Refusal(code="identity_known", detail="The account elsewhere is somebody's here.")
_LOCALE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, sealed, for who may link after a mailed code: whom they would become."""

    arrival: Arrival
    canonical: str


class ComeIn(Act):
    """Adds a player with an account elsewhere, unless that is somebody's under the lock."""

    verb: ClassVar[str] = "identity.come_in"
    __slots__ = ("account", "arrival", "greeting")

    def __init__(self, account: Account, arrival: Arrival, greeting: Greeting) -> None:
        super().__init__(account.player_id)
        self.account = account
        self.arrival = arrival
        self.greeting = greeting

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the player and the account elsewhere."""
        known = self.arrival.identity
        return (
            (PLAYERS, self.account.player_id),
            (LINKS, external_key(known.issuer, known.subject)),
        )

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Add the player; `identity_known`."""
        account = self.account
        link = new_link(self.arrival, account.player_id, stage)
        if stage.get(LINKS, link.key) is not None:
            return _KNOWN
        stage.put(PLAYERS, account.player_id, Player(account.player_id, None, "active", stage.now))
        stage.put(ACCOUNTS, account.player_id, account)
        self.greeting.put(stage)
        stage.put(LINKS, link.key, link)
        # Who the person is elsewhere stays out of the chain.
        told = {"playerId": account.player_id, "provider": link.provider}
        return Draft(PLAYER_CREATED, facts(told))


def new_link(arrival: Arrival, player_id: str, stage: Stage) -> ExternalLink:
    """Return the row of an account elsewhere that becomes the player's."""
    known, address = arrival.identity, _vouched_address(arrival)
    return ExternalLink(
        key=external_key(known.issuer, known.subject),
        id=new_id("idn"),
        player_id=player_id,
        provider=arrival.provider,
        issuer=known.issuer,
        subject=known.subject,
        linked_at=stage.now,
        vouched_for=None if address is None else address.canonical,
    )


async def enter(
    external: ExternalSignIn, tenant: TenantRef, arrival: Arrival, visitor: Visitor
) -> Welcome | Refusal:
    """Return the tokens of a new session of the account's player, who is new the first time.

    An account elsewhere with an address that is somebody's confirmed one here is not taken for
    theirs: `account_exists` says how to link it, to nobody but who the provider says has the
    address. Refusals: that, `unknown_identity_provider` (switched off meanwhile),
    `tenant_suspended`, `hook_refused` and `hook_unavailable` (a new player), and those of
    `finish_sign_in`. Raises Unavailable.
    """
    off = await external.refuses(tenant, arrival.provider)
    if off is not None:
        return off
    found = await _player_of(external, tenant, arrival)
    if found is None:
        address = _vouched_address(arrival)
        if await check_address_allowed(external.identity, tenant, address) is not None:
            address = None
        offer = None if address is None else await _offer(external, tenant, arrival, address)
        if offer is not None:
            return offer
        added = await _add(external, tenant, arrival, address)
        if isinstance(added, Refusal):
            return added
        found = added
    return await welcome(external.identity, tenant, visitor, found, ("external",))


async def _player_of(
    external: ExternalSignIn, tenant: TenantRef, arrival: Arrival
) -> Entrant | None:
    known = arrival.identity
    async with external.identity.db.begin(tenant.schema, read_only=True) as tx:
        return await store.player_of(tx.driver, external_key(known.issuer, known.subject))


async def _add(
    external: ExternalSignIn, tenant: TenantRef, arrival: Arrival, address: Email | None
) -> Entrant | Refusal:
    """Add a player. The address is a claim like any other: it is theirs once they confirm it."""
    locale = arrival.identity.locale
    account = Account(
        player_id=new_id("player"),
        username=None,
        email=address,
        email_id=None if address is None else new_id("eml"),
        password_hash=None,
        locale=locale if locale and _LOCALE.fullmatch(locale) else None,
        country=None,
    )
    refused = await ask_before_register(
        external.identity,
        tenant,
        username=None,
        email=None if address is None else address.address,
        locale=account.locale,
        country=None,
    )
    if refused is not None:
        return refused
    act = ComeIn(account, arrival, await greeting(external.identity, tenant, account))
    outcome = await external.identity.journal.submit(tenant.schema, act)
    if not isinstance(outcome, Refusal):
        return Entrant(account.player_id, "active")
    if outcome.code != _KNOWN.code:
        return outcome
    # Another device of the same person was quicker between the look and the lock.
    return await _player_of(external, tenant, arrival) or CHANGED_MEANWHILE


def _vouched_address(arrival: Arrival) -> Email | None:
    known = arrival.identity
    if known.email is None or not known.email_verified:
        return None
    address = read_email(known.email)
    return None if isinstance(address, Refusal) else address


async def _offer(
    external: ExternalSignIn, tenant: TenantRef, arrival: Arrival, address: Email
) -> Refusal | None:
    """Return how to link, where the address is somebody's."""
    offer = Offer(arrival=arrival, canonical=address.canonical)
    sealed = (await external.safe(tenant)).seal(OFFER_PLACE, offer)
    ticket = new_secret()
    async with external.identity.db.begin(tenant.schema) as tx:
        holder = await emails.holder(tx.driver, address.canonical)
        if holder is None:
            return None
        kept = await add_ticket(
            external.identity,
            tx,
            ticket,
            "link_offer",
            OFFER_LIFE,
            player_id=holder.player_id,
            data=sealed,
        )
    return Refusal(
        code="account_exists",
        detail=(
            "Your address belongs to an account here, which is not linked to this one by the "
            "address alone. Sign in to it as before and link this account at /v1/identities; or "
            "send `linkTicket` to /v1/sign-in/link-codes to get a code by mail."
        ),
        extra={"linkTicket": ticket, "expiresAt": kept.expires_at.isoformat()},
    )
