"""Link accounts elsewhere to a player, list and unlink them; wallets are never merged."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

from guildbank.identity.contracts.external import (
    IDENTITY_IN_USE,
    LAST_WAY_IN,
    MAX_LINKS,
    NO_IDENTITY,
    TOO_MANY_LINKS,
    ExternalLink,
)
from guildbank.identity.contracts.players import UNKNOWN_PLAYER, barred_by
from guildbank.identity.rules import external_key
from guildbank.identity.store import external as store
from guildbank.identity.store.external import LINKS, WAYS
from guildbank.identity.store.guests import GUESTS, is_guest
from guildbank.identity.store.players import CREDENTIALS, PLAYERS
from guildbank.identity.tables import IDENTITY_ORDER
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.identity.usecases.external.enter import new_link
from guildbank.identity.usecases.external.proofs import Arrival
from guildbank.identity.usecases.factors.read_factors import read_factors
from guildbank.identity.usecases.factors.tell import seal_notice
from guildbank.identity.usecases.sign_in.keep_session import end_sessions
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, RowLock, Stage, facts
from guildbank.kernel import Refusal
from guildbank.notify import OUTGOING, SealedMail

LINKED = "identity.external_linked"
UNLINKED = "identity.external_unlinked"
_LINKED_ALREADY = Refusal(code="linked_already", detail="The account is linked to the player.")


class Link(Act):
    """Makes an account elsewhere a player's, unless it is somebody else's under the lock.

    A guest who has one is a guest no more: the secret of the device that made it ends.
    """

    verb: ClassVar[str] = "identity.link"
    __slots__ = ("arrival", "mail", "player_id")

    def __init__(self, player_id: str, arrival: Arrival, mail: SealedMail | None) -> None:
        super().__init__(player_id)
        self.mail = mail
        self.player_id = player_id
        self.arrival = arrival

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name the account elsewhere, and all ways in that the player has."""
        known = self.arrival.identity
        return (
            (LINKS, external_key(known.issuer, known.subject)),
            (PLAYERS, self.player_id),
            (WAYS, self.player_id),
            (GUESTS, self.player_id),
        )

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return the player's row."""
        return (RowLock(IDENTITY_ORDER, "identity_player", self.player_id),)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Link; `identity_in_use`, `too_many_identities`, `unknown_player`, `linked_already`."""
        link = new_link(self.arrival, self.player_id, stage)
        held = stage.get(LINKS, link.key)
        if held is not None:
            return _LINKED_ALREADY if held.player_id == self.player_id else IDENTITY_IN_USE
        ways, player = stage.get(WAYS, self.player_id), stage.get(PLAYERS, self.player_id)
        # Erased meanwhile, perhaps: what is written now would never be swept again.
        if ways is None or player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        if len(ways.links) >= MAX_LINKS:
            return TOO_MANY_LINKS
        stage.put(LINKS, link.key, link)
        if stage.get(GUESTS, self.player_id) is not None:
            stage.put(GUESTS, self.player_id, None)
            stage.put(CREDENTIALS, self.player_id, True)
        ways = msgspec.structs.replace(ways, links=(*ways.links, link), guest=False)
        stage.put(WAYS, self.player_id, ways)
        _tell(stage, self.mail)
        return Draft(LINKED, facts({"playerId": self.player_id, "provider": link.provider}))


class Unlink(Act):
    """Takes an account elsewhere from its player, unless it is the last way in under the lock."""

    verb: ClassVar[str] = "identity.unlink"
    rounds: ClassVar[int] = 2
    __slots__ = ("link_id", "mail", "player_id")

    def __init__(self, player_id: str, link_id: str, mail: SealedMail | None) -> None:
        super().__init__(player_id)
        self.mail = mail
        self.player_id = player_id
        self.link_id = link_id

    def needs(self, stage: Stage) -> Iterable[Need]:
        """Name all ways in that the player has, and then the account elsewhere."""
        found = self._found(stage) if stage.loaded(WAYS, self.player_id) else None
        ways = (WAYS, self.player_id)
        return (ways,) if found is None else (ways, (LINKS, found.key))

    @property
    def locks(self) -> Sequence[RowLock]:
        """Return the player's row: who signs in by the account now comes before or after."""
        return (RowLock(IDENTITY_ORDER, "identity_player", self.player_id),)

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Unlink; `not_found`, `last_way_in`."""
        ways, found = stage.get(WAYS, self.player_id), self._found(stage)
        if ways is None or found is None:
            return NO_IDENTITY
        if ways.count == 1:
            return LAST_WAY_IN
        stage.put(LINKS, found.key, None)
        stage.put(CREDENTIALS, self.player_id, True)
        left = tuple(one for one in ways.links if one.id != self.link_id)
        stage.put(WAYS, self.player_id, msgspec.structs.replace(ways, links=left))
        _tell(stage, self.mail)
        return Draft(UNLINKED, facts({"playerId": self.player_id, "provider": found.provider}))

    def _found(self, stage: Stage) -> ExternalLink | None:
        ways = stage.get(WAYS, self.player_id)
        links = () if ways is None else ways.links
        return next((one for one in links if one.id == self.link_id), None)


def _tell(stage: Stage, mail: SealedMail | None) -> None:
    if mail is not None:
        stage.put(OUTGOING, mail.id, mail)


async def link(
    external: ExternalSignIn,
    tenant: TenantRef,
    player_id: str,
    arrival: Arrival,
    keep: str | None = None,
) -> ExternalLink | Refusal:
    """Make who was proved elsewhere the player's too; what is linked already stays so.

    A guest's other sessions than `keep` end: they may be of who copied the secret.
    Refusals: `unknown_identity_provider` (switched off meanwhile), `identity_in_use`,
    `too_many_identities`, `unknown_player`, `tenant_suspended`. Raises Unavailable.
    """
    off = await external.refuses(tenant, arrival.provider)
    if off is not None:
        return off
    async with external.identity.db.begin(tenant.schema, read_only=True) as tx:
        guest = await is_guest(tx.driver, player_id)
    mail = await _notice(external, tenant, player_id, "link_added", arrival.provider)
    outcome = await external.identity.journal.submit(tenant.schema, Link(player_id, arrival, mail))
    if isinstance(outcome, Refusal) and outcome.code != _LINKED_ALREADY.code:
        return outcome
    if guest:
        await end_sessions(external.identity, tenant, player_id, keep=keep)
    known = arrival.identity
    key = external_key(known.issuer, known.subject)
    linked = await list_links(external, tenant, player_id)
    return next((one for one in linked if one.key == key), NO_IDENTITY)


async def unlink(
    external: ExternalSignIn,
    tenant: TenantRef,
    player_id: str,
    link_id: str,
    keep: str | None = None,
) -> Refusal | None:
    """Take an account elsewhere from the player, and end all sessions but `keep`.

    Refusals: `not_found`, `last_way_in`, `tenant_suspended`. Raises Unavailable.
    """
    links = await list_links(external, tenant, player_id)
    found = next((one for one in links if one.id == link_id), None)
    if found is None:
        return NO_IDENTITY
    mail = await _notice(external, tenant, player_id, "link_removed", found.provider)
    outcome = await external.identity.journal.submit(
        tenant.schema, Unlink(player_id, link_id, mail)
    )
    if isinstance(outcome, Refusal):
        return outcome
    await end_sessions(external.identity, tenant, player_id, keep=keep)
    return None


async def _notice(
    external: ExternalSignIn, tenant: TenantRef, player_id: str, template: str, provider: str
) -> SealedMail | None:
    """Return the mail to the player's confirmed address, if there is one."""
    found = await read_factors(external.identity, tenant, player_id)
    if isinstance(found, Refusal):
        return None
    values = {"provider": provider}
    return await seal_notice(external.identity, tenant, found[0], f"identity.{template}", values)


async def list_links(
    external: ExternalSignIn, tenant: TenantRef, player_id: str
) -> list[ExternalLink]:
    """Return the accounts elsewhere that the player linked, oldest first."""
    async with external.identity.db.begin(tenant.schema, read_only=True) as tx:
        return await store.links_of(tx.driver, player_id)
