"""Make a guest: a player, and a secret that is the only way to be that player."""

import re
import secrets
from collections.abc import Iterable
from typing import ClassVar

import msgspec

from guildbank.identity.contracts.external import BAD_GUEST
from guildbank.identity.contracts.players import Player
from guildbank.identity.contracts.sign_in import Entrant
from guildbank.identity.rules import token_hash
from guildbank.identity.store import guests as store
from guildbank.identity.store.guests import GUESTS
from guildbank.identity.store.players import PLAYERS
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.hooks.ask import ask_before_register
from guildbank.identity.usecases.players.add_player import PLAYER_CREATED
from guildbank.identity.usecases.protection.check import check_captcha
from guildbank.identity.usecases.sign_in.finish import Visitor, Welcome, welcome
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal, new_id

_PREFIX = "gs_"
_SECRET = re.compile(r"gs_[A-Za-z0-9_-]{43}")


class Guest(msgspec.Struct, frozen=True):
    """The tokens of a new guest, and the secret that is shown this once."""

    welcome: Welcome
    secret: str


class MakeGuest(Act):
    """Adds a player who is a guest; only a hash of the secret is kept."""

    verb: ClassVar[str] = "identity.make_guest"
    __slots__ = ("hash", "player_id")

    def __init__(self, player_id: str, hash_: bytes) -> None:
        super().__init__(player_id)
        self.player_id = player_id
        self.hash = hash_

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the player."""
        return ((PLAYERS, self.player_id),)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Add the player."""
        stage.put(PLAYERS, self.player_id, Player(self.player_id, None, "active", stage.now))
        stage.put(GUESTS, self.player_id, self.hash)
        return Draft(PLAYER_CREATED, facts({"playerId": self.player_id, "guest": True}))


async def make_guest(
    identity: Identity, tenant: TenantRef, visitor: Visitor, captcha: str | None = None
) -> Guest | Refusal:
    """Return a new guest's tokens and secret. The secret is ours: ids of devices are known to many.

    Refusals: `tenant_suspended`, those of captchas, `hook_refused`, `hook_unavailable`, and those
    of `finish_sign_in`. Raises Unavailable.
    """
    refused = await check_captcha(identity, tenant, "guest", captcha, visitor.address)
    if refused is None:
        refused = await ask_before_register(
            identity, tenant, username=None, email=None, locale=None, country=None
        )
    if refused is not None:
        return refused
    player_id, secret = new_id("player"), _PREFIX + secrets.token_urlsafe(32)
    act = MakeGuest(player_id, token_hash(secret))
    outcome = await identity.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal):
        return outcome
    entered = await welcome(identity, tenant, visitor, Entrant(player_id, "active"), ("guest",))
    return entered if isinstance(entered, Refusal) else Guest(entered, secret)


async def enter_as_guest(
    identity: Identity, tenant: TenantRef, secret: str, visitor: Visitor
) -> Welcome | Refusal:
    """Return the tokens of a new session of the guest whose secret it is.

    Refusals: `login_failed`, and those of `finish_sign_in`.
    """
    if not _SECRET.fullmatch(secret):
        return BAD_GUEST
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.guest_of(tx.driver, token_hash(secret))
    if found is None:
        return BAD_GUEST
    return await welcome(identity, tenant, visitor, found, ("guest",))
