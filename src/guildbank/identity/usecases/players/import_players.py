"""Bring players along from another system, with the hashes of their passwords.

A line that was taken is known again, so an import that broke off is simply run once more.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from guildbank.identity.contracts.players import (
    EMAIL_TAKEN,
    ERASED_SINCE,
    EXTERNAL_ID_TAKEN,
    USERNAME_TAKEN,
    Account,
    Player,
)
from guildbank.identity.names import read_username
from guildbank.identity.rules import read_email
from guildbank.identity.store.accounts import ACCOUNTS, CONFIRMED, USERNAMES
from guildbank.identity.store.players import PLAYERS, PLAYERS_BY_EXTERNAL, players_by_id
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.players.add_player import PLAYER_CREATED
from guildbank.infra.crypto import DataKey
from guildbank.infra.http import CountryCode, ExternalId, LanguageTag, read_country
from guildbank.infra.passwords import is_importable
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal, new_id

AT_ONCE = 2_000
PRINCIPAL = "import"
NO_HANDLE = Refusal(
    code="missing_field",
    detail="A line needs an externalId, a username or an email.",
    field="externalId",
)
BAD_HASH = Refusal(
    code="invalid_value",
    detail="The hash is neither bcrypt ($2a$, $2b$, $2y$, cost up to 14) nor argon2id.",
    field="passwordHash",
)


class ImportLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A player of another system: a handle at least, and the hash of a password."""

    external_id: ExternalId | None = None
    username: Annotated[str, Meta(max_length=254)] | None = None
    email: Annotated[str, Meta(max_length=254)] | None = None
    email_confirmed: bool = False
    password_hash: Annotated[str, Meta(max_length=256)] | None = None
    locale: LanguageTag | None = None
    country: CountryCode | None = None


class ImportPlayer(Act):
    """Adds a player with an account unless one of the handles is taken."""

    verb: ClassVar[str] = "identity.import_player"
    __slots__ = ("account",)

    def __init__(self, account: Account, key: str) -> None:
        super().__init__(PRINCIPAL, key)
        self.account = account

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the player and all handles."""
        account = self.account
        yield PLAYERS, account.player_id
        if account.external_id is not None:
            yield PLAYERS_BY_EXTERNAL, account.external_id
        if account.username is not None:
            yield USERNAMES, account.username.skeleton
        if account.email is not None and account.email_confirmed_at is not None:
            yield CONFIRMED, account.email.canonical

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Add the player; `external_id_taken`, `username_taken`, `email_taken`."""
        account = self.account
        player = Player(account.player_id, account.external_id, "active", stage.now)
        if account.external_id is not None:
            if stage.get(PLAYERS_BY_EXTERNAL, account.external_id) is not None:
                return EXTERNAL_ID_TAKEN
            stage.put(PLAYERS_BY_EXTERNAL, account.external_id, player)
        if account.username is not None:
            if stage.get(USERNAMES, account.username.skeleton) is not None:
                return USERNAME_TAKEN
            stage.put(USERNAMES, account.username.skeleton, account.player_id)
        if account.email is not None and account.email_confirmed_at is not None:
            if stage.get(CONFIRMED, account.email.canonical) is not None:
                return EMAIL_TAKEN
            stage.put(CONFIRMED, account.email.canonical, account.player_id)
        stage.put(PLAYERS, account.player_id, player)
        stage.put(ACCOUNTS, account.player_id, account)
        return Draft(PLAYER_CREATED, facts({"playerId": account.player_id}))


class Taken(msgspec.Struct, frozen=True):
    """A line that became a player; `again` when an earlier run brought it along."""

    player_id: str
    again: bool


async def import_players(
    identity: Identity, tenant: TenantRef, lines: Sequence[ImportLine]
) -> list[Taken | Refusal]:
    """Return what became of each line, in order; at most AT_ONCE.

    An address that is not said to be confirmed waits for its player to confirm it. Refusals:
    `missing_field`, `invalid_value`, `address_invalid`, `out_of_range`, `external_id_taken`,
    `username_taken`, `email_taken`, `player_erased`, `tenant_suspended`. Raises
    Unavailable; whatever was taken until then is taken.
    """
    if len(lines) > AT_ONCE:
        raise ValueError(f"at most {AT_ONCE} lines at once")
    key = await identity.tenants.data_key(tenant.id)
    if key is None:
        raise LookupError(f"tenant {tenant.slug} is gone")
    read = [_act(identity, key, line) for line in lines]
    acts = [act for act in read if isinstance(act, ImportPlayer)]
    outcomes = [_taken(one) for one in await identity.journal.submit_each(tenant.schema, acts)]
    again = [one.player_id for one in outcomes if isinstance(one, Taken) and one.again]
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        known = await players_by_id(tx.driver, again)
    erased = {one.id for one in known if one.state == "erased"}
    told = iter(
        ERASED_SINCE if isinstance(one, Taken) and one.player_id in erased else one
        for one in outcomes
    )
    return [one if isinstance(one, Refusal) else next(told) for one in read]


def _taken(outcome: Receipt | Refusal | Exception) -> Taken | Refusal:
    if isinstance(outcome, Exception):
        raise outcome
    if isinstance(outcome, Refusal):
        return outcome
    player_id: str = msgspec.json.decode(outcome.data)["playerId"]
    return Taken(player_id, outcome.replayed)


def _act(identity: Identity, key: DataKey, line: ImportLine) -> ImportPlayer | Refusal:
    if line.external_id is None and line.username is None and line.email is None:
        return NO_HANDLE
    username = None if line.username is None else read_username(line.username)
    if isinstance(username, Refusal):
        return username
    email = None if line.email is None else read_email(line.email)
    if isinstance(email, Refusal):
        return email
    country = read_country(line.country)
    if isinstance(country, Refusal):
        return country
    if line.password_hash is not None and not is_importable(line.password_hash):
        return BAD_HASH
    account = Account(
        player_id=new_id("player"),
        external_id=line.external_id,
        username=username,
        email=email,
        email_id=None if email is None else new_id("eml"),
        email_confirmed_at=identity.clock.now() if email and line.email_confirmed else None,
        password_hash=line.password_hash,
        locale=line.locale,
        country=country,
    )
    # Under the tenant's key: the table of keys must not tell who is who.
    known_by = key.hash(b"import line", msgspec.json.encode(line)).hex()
    return ImportPlayer(account, known_by)
