"""Let support take the second factors from a player who lost them.

There is no waiting time: who decides has made sure of the person, and a player who is locked out
of paid goods for days is the commoner harm. In its place stand a permission of its own, a fresh
proof of the operator, the reason, an entry of the chain, the end of all sessions, and mail to the
player at once. The password is still needed, so whoever talked support into it does not come in by
that alone.
"""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

from guildbank.approvals import waits_for
from guildbank.identity.contracts.external import LAST_WAY_IN
from guildbank.identity.contracts.factors import NOTHING_TO_CLEAR
from guildbank.identity.contracts.players import NO_PLAYER
from guildbank.identity.store.clearings import PROTECTIONS
from guildbank.identity.store.external import WAYS
from guildbank.identity.store.players import CREDENTIALS, PLAYERS
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.identity.usecases import Identity
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.tell import seal_notice
from guildbank.identity.usecases.lives.change_state import seal_reason
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, RowLock, Sealed, Stage, facts
from guildbank.kernel import Refusal
from guildbank.notify import OUTGOING, SealedMail

FACTORS_CLEARED = "identity.factors_cleared"


class ClearFactors(Act):
    """Takes all second factors from a player and ends the sessions, under the player's lock."""

    verb: ClassVar[str] = "identity.clear_factors"
    __slots__ = ("mail", "player_id", "reason")

    def __init__(
        self, principal: str, player_id: str, reason: Sealed, mail: SealedMail | None
    ) -> None:
        super().__init__(principal)
        self.player_id = player_id
        self.reason = reason
        self.mail = mail

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return the player's row."""
        return (RowLock(IDENTITY_ORDER, "identity_player", self.player_id),)

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the player, the ways in, and whether there is a factor."""
        shelves = (PLAYERS, WAYS, PROTECTIONS)
        return [(shelf, self.player_id) for shelf in shelves]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Clear; `not_found`, `no_second_factor`, `last_way_in`."""
        player, ways = stage.get(PLAYERS, self.player_id), stage.get(WAYS, self.player_id)
        if player is None or ways is None or player.state == "erased":
            return NO_PLAYER
        if not stage.get(PROTECTIONS, self.player_id):
            return NOTHING_TO_CLEAR
        # A confirmed address gives a new password.
        if ways.count == 0 and not ways.address:
            return LAST_WAY_IN
        stage.put(PROTECTIONS, self.player_id, False)
        stage.put(CREDENTIALS, self.player_id, True)
        if self.mail is not None:
            stage.put(OUTGOING, self.mail.id, self.mail)
        told = {"playerId": self.player_id, "payload": self.reason.hash}
        return Draft(FACTORS_CLEARED, facts(told), self.reason)


async def clear_factors(
    identity: Identity, tenant: TenantRef, principal: str, player_id: str, reason: str
) -> Refusal | None:
    """Take authenticator app, passkeys, mailed and recovery codes; the player is signed out.

    The reason is kept under the person's key. Refusals: `not_found`, `no_second_factor`,
    `last_way_in` (passkeys alone let the player in), `tenant_suspended`. Raises Unavailable.
    """
    sealed = await seal_reason(identity, tenant, player_id, reason)
    if isinstance(sealed, Refusal):
        return sealed
    act = await clearing(identity, tenant, principal, StoredClearing(player_id, sealed))
    if isinstance(act, Refusal):
        return act
    outcome = await submit_clearing(identity, tenant, act, player_id)
    return outcome if isinstance(outcome, Refusal) else None


class StoredClearing(msgspec.Struct, frozen=True):
    """A clearing as it waits for a second person."""

    player_id: str
    reason: Sealed


async def clearing(
    identity: Identity, tenant: TenantRef, principal: str, stored: StoredClearing
) -> ClearFactors | Refusal:
    """Return the act that clears, with the mail that tells of it. Refusals: `not_found`."""
    found = await read_factors(identity, tenant, stored.player_id)
    if isinstance(found, Refusal):
        return found
    mail = await seal_notice(identity, tenant, found[0], "identity.factors_cleared", {})
    return ClearFactors(principal, stored.player_id, stored.reason, mail)


async def submit_clearing(
    identity: Identity, tenant: TenantRef, act: Act, player_id: str
) -> Outcome:
    """Submit the act, or the gate around it; every worker has heard of it when this returns."""
    expected = identity.standings.expect(tenant, player_id)
    told = False
    try:
        outcome = await identity.journal.submit(tenant.schema, act)
        told = not isinstance(outcome, Refusal) and waits_for(outcome) is None
    finally:
        await identity.standings.settle(tenant, player_id, expected, told=told)
    return outcome
