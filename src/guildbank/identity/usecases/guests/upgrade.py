"""Give a guest, or who came by an account elsewhere, a name or address and a password."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

from guildbank.identity.contracts.external import HAS_PASSWORD
from guildbank.identity.contracts.players import UNKNOWN_PLAYER, USERNAME_TAKEN, Account, barred_by
from guildbank.identity.store import emails
from guildbank.identity.store.accounts import ACCOUNTS, USERNAMES
from guildbank.identity.store.external import WAYS
from guildbank.identity.store.guests import GUESTS
from guildbank.identity.store.players import CREDENTIALS, PLAYERS
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.accounts.letters import Greeting, greeting
from guildbank.identity.usecases.factors.require_factor import require_factor
from guildbank.identity.usecases.players.register import Registration, read_registration
from guildbank.identity.usecases.sign_in.keep_session import end_sessions
from guildbank.infra.http import UNKNOWN_ADDRESS, ClientAddress
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, RowLock, Stage, facts
from guildbank.kernel import Refusal

UPGRADED = "identity.player_upgraded"
HAS_ADDRESS = Refusal(
    code="invalid_value",
    detail="The player has a confirmed address. Change it at PUT /v1/account/email.",
    field="email",
)


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
        player_id = account.player_id
        own = ((PLAYERS, player_id), (WAYS, player_id), (GUESTS, player_id))
        if account.username is None:
            return own
        return (*own, (USERNAMES, account.username.skeleton))

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return the player's row."""
        return (RowLock(IDENTITY_ORDER, "identity_player", self.account.player_id),)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Add the account; `unknown_player`, `already_registered`, `username_taken`."""
        account = self.account
        ways, player = stage.get(WAYS, account.player_id), stage.get(PLAYERS, account.player_id)
        # Erased meanwhile, perhaps: what is written now would never be swept again.
        if ways is None or player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
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
            stage.put(CREDENTIALS, account.player_id, True)
        ways = msgspec.structs.replace(
            ways, password=True, guest=False, username=ways.username or account.username is not None
        )
        stage.put(WAYS, account.player_id, ways)
        return Draft(UPGRADED, facts({"playerId": account.player_id}))


async def upgrade(
    identity: Identity,
    tenant: TenantRef,
    player_id: str,
    session_id: str | None,
    wanted: Registration,
    address: ClientAddress = UNKNOWN_ADDRESS,
) -> Account | Refusal:
    """Return the account that the player has now, under the same player id.

    A captcha is asked for where registering asks for one: else guests were a way round it. All
    sessions but the one that asks end, for they may be of who copied the secret. Refusals:
    those of `register` and `require_factor`, `already_registered`, `unknown_player`. Raises
    Unavailable and Overworked.
    """
    refused = await require_factor(identity, tenant, player_id, session_id, "change_password")
    if refused is not None:
        return refused
    async with identity.db.begin(tenant.schema, read_only=True) as tx:
        own = await emails.own(tx.driver, player_id)
    if own is not None and own.confirmed and wanted.email is not None:
        return HAS_ADDRESS
    account = await read_registration(identity, tenant, wanted, player_id, address)
    if isinstance(account, Refusal):
        return account
    act = Upgrade(account, await greeting(identity, tenant, account))
    outcome = await identity.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal):
        return outcome
    await end_sessions(identity, tenant, player_id, keep=session_id)
    return account
