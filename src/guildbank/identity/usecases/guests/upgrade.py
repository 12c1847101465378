"""Give a guest, or who came by an account elsewhere, a name or address and a password."""

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from guildbank.identity.contracts.external import HAS_PASSWORD
from guildbank.identity.contracts.players import UNKNOWN_PLAYER, USERNAME_TAKEN, Account
from guildbank.identity.store.accounts import ACCOUNTS, USERNAMES
from guildbank.identity.store.external import WAYS
from guildbank.identity.store.guests import GUESTS
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.letters import Greeting, greeting
from guildbank.identity.usecases.players.register import Registration, read_registration
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal

UPGRADED = "identity.player_upgraded"


class Upgrade(Act):
    """Adds what a player can sign in with to a player who has no password.

    The guest's secret ends: whoever copied it from the device is out.
    """

    verb: ClassVar[str] = "identity.upgrade"
    __slots__ = ("account", "greeting")

    def __init__(self, account: Account, greeting: Greeting) -> None:
        super().__init__(account.player_id)
        self.account = account
        self.greeting = greeting

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the ways in that the player has, and the user name if one is wanted."""
        account = self.account
        own = ((WAYS, account.player_id), (GUESTS, account.player_id))
        if account.username is None:
            return own
        return (*own, (USERNAMES, account.username.skeleton))

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Add the account; `unknown_player`, `already_registered`, `username_taken`."""
        account = self.account
        ways = stage.get(WAYS, account.player_id)
        if ways is None:
            return UNKNOWN_PLAYER
        if ways.password or (ways.username and account.username is not None):
            return HAS_PASSWORD
        if account.username is not None:
            if stage.get(USERNAMES, account.username.skeleton) is not None:
                return USERNAME_TAKEN
            stage.put(USERNAMES, account.username.skeleton, account.player_id)
        stage.put(ACCOUNTS, account.player_id, account)
        self.greeting.put(stage)
        if stage.get(GUESTS, account.player_id) is not None:
            stage.put(GUESTS, account.player_id, None)
        ways = msgspec.structs.replace(
            ways, password=True, guest=False, username=ways.username or account.username is not None
        )
        stage.put(WAYS, account.player_id, ways)
        return Draft(UPGRADED, facts({"playerId": account.player_id}))


async def upgrade(
    identity: Identity, tenant: TenantRef, player_id: str, wanted: Registration
) -> Account | Refusal:
    """Return the account that the player has now, under the same player id.

    Refusals: those of `register`, `already_registered` and `unknown_player`. Raises Unavailable
    and Overworked.
    """
    account = await read_registration(identity, tenant, wanted, player_id)
    if isinstance(account, Refusal):
        return account
    act = Upgrade(account, await greeting(identity, tenant, account))
    outcome = await identity.journal.submit(tenant.schema, act)
    return outcome if isinstance(outcome, Refusal) else account
