"""Register a player of the tenant's own accounts: a name or an address, and a password."""

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from guildbank.identity.contracts.players import USERNAME_TAKEN, Account, Email, Player, Username
from guildbank.identity.names import read_username
from guildbank.identity.rules import read_email
from guildbank.identity.store.accounts import ACCOUNTS, USERNAMES
from guildbank.identity.store.players import PLAYERS
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.letters import Greeting, greeting
from guildbank.identity.usecases.hooks.ask import ask_before_register
from guildbank.identity.usecases.players.add_player import PLAYER_CREATED
from guildbank.identity.usecases.protection.check import (
    check_address_allowed,
    check_captcha,
    check_new_password,
)
from guildbank.infra.http import UNKNOWN_ADDRESS, ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id

NO_HANDLE = Refusal(
    code="missing_field", detail="Register with an email or a username.", field="email"
)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What a person fills in; `email` or `username` is needed, or both."""

    password: str
    email: str | None = None
    username: str | None = None
    locale: str | None = None
    country: str | None = None
    captcha: str | None = None


class Register(Act):
    """Adds a player with an account, unless the name or a look-alike is taken."""

    verb: ClassVar[str] = "identity.register"
    __slots__ = ("account", "greeting")

    def __init__(self, account: Account, greeting: Greeting) -> None:
        super().__init__(account.player_id)
        self.account = account
        self.greeting = greeting

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the player, and the user name if there is one."""
        account = self.account
        player = (PLAYERS, account.player_id)
        if account.username is None:
            return (player,)
        return (player, (USERNAMES, account.username.skeleton))

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Add the player; `username_taken`."""
        account = self.account
        if account.username is not None:
            if stage.get(USERNAMES, account.username.skeleton) is not None:
                return USERNAME_TAKEN
            stage.put(USERNAMES, account.username.skeleton, account.player_id)
        player = Player(account.player_id, None, "active", stage.now)
        stage.put(PLAYERS, account.player_id, player)
        stage.put(ACCOUNTS, account.player_id, account)
        self.greeting.put(stage)
        # Names and addresses stay out of the chain.
        return Draft(PLAYER_CREATED, facts({"playerId": account.player_id}))


async def register(
    identity: Identity,
    tenant: TenantRef,
    wanted: Registration,
    address: ClientAddress = UNKNOWN_ADDRESS,
) -> Account | Refusal:
    """Return the account of a new player.

    An address that somebody has is taken all the same, and takes as long: who confirms it holds
    it, and nobody learns here that it is known. It gets a mail either way.
    Refusals: those of `read_registration`, `username_taken`, `tenant_suspended`.
    Raises Unavailable, Overworked and StoreAway.
    """
    account = await read_registration(identity, tenant, wanted, new_id("player"), address)
    if isinstance(account, Refusal):
        return account
    act = Register(account, await greeting(identity, tenant, account))
    outcome = await identity.journal.submit(tenant.schema, act)
    return outcome if isinstance(outcome, Refusal) else account


async def read_registration(
    identity: Identity,
    tenant: TenantRef,
    wanted: Registration,
    player_id: str,
    stranger: ClientAddress | None = None,
) -> Account | Refusal:
    """Return what is to be kept for a player of what a person filled in, the password hashed.

    A `stranger` at this address may have to solve a captcha. Refusals: `missing_field`,
    `invalid_value`, `address_invalid`, `disposable_address`, `out_of_range`, `weak_password`,
    `breached_password`, those of captchas and `hook_refused`, `hook_unavailable`. Raises
    Overworked.
    """
    account = _read(wanted, player_id)
    if isinstance(account, Refusal):
        return account
    known_words = [word for word in (wanted.username, wanted.email) if word]
    password = await check_new_password(identity, wanted.password, known_words)
    if isinstance(password, Refusal):
        return password
    refused = await _hindrance(identity, tenant, wanted, account, stranger)
    if refused is not None:
        return refused
    hash_ = await identity.passwords.hash(password)
    return msgspec.structs.replace(account, password_hash=hash_)


async def _hindrance(
    identity: Identity,
    tenant: TenantRef,
    wanted: Registration,
    account: Account,
    stranger: ClientAddress | None,
) -> Refusal | None:
    """Return why this player is not let in; what costs others something is asked last."""
    refused = await check_address_allowed(identity, tenant, account.email)
    if refused is None and stranger is not None:
        refused = await check_captcha(identity, tenant, "register", wanted.captcha, stranger)
    return refused or await ask_before_register(
        identity,
        tenant,
        username=None if account.username is None else account.username.name,
        email=None if account.email is None else account.email.address,
        locale=wanted.locale,
        country=wanted.country,
    )


def _read(wanted: Registration, player_id: str) -> Account | Refusal:
    username: Username | None = None
    email: Email | None = None
    if wanted.username is None and wanted.email is None:
        return NO_HANDLE
    if wanted.username is not None:
        name = read_username(wanted.username)
        if isinstance(name, Refusal):
            return name
        username = name
    if wanted.email is not None:
        address = read_email(wanted.email)
        if isinstance(address, Refusal):
            return address
        email = address
    return Account(
        player_id=player_id,
        username=username,
        email=email,
        email_id=None if email is None else new_id("eml"),
        password_hash=None,
        locale=wanted.locale,
        country=wanted.country,
    )
