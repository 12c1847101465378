"""Where a player is paid: checked by the provider, sealed under the person's key, and removed."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import structlog

from guildbank.identity import PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Sealed, Stage, facts
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.notify import OUTGOING, SealedMail
from guildbank.payments import payouts as shelf
from guildbank.payments.archive import Gathered, Subject
from guildbank.payments.asking import fault_of, storable
from guildbank.payments.contracts.payouts import (
    DESTINATION_ADDED,
    DESTINATION_REMOVED,
    DESTINATION_SEEN,
    MAX_DESTINATIONS,
    DestinationState,
    KeptDestination,
    StoredDestination,
)
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.refusals_payouts import (
    DESTINATION_SILENT,
    DESTINATIONS_FULL,
    NO_DESTINATION,
    NO_PAYOUT,
    NOT_PAID_OUT,
)
from guildbank.payments.contracts.refusals_saved import NO_PLAYER
from guildbank.payments.payouts import DESTINATIONS, DESTINATIONS_OF
from guildbank.payments.saved import is_player
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, line_for_sale
from guildbank.payments.usecases.payouts.letters import letter_of_place
from guildbank.payments.usecases.payouts.open_destination import open_destination
from guildbank.plugin_api import PAYOUTS, Destination, DestinationRefused, Manifest, PaysOut

log = structlog.get_logger(__name__)
MAX_DETAILS = 20


class ShownDestination(NamedTuple):
    """A destination, and what is known of it; nothing of a person whose key is gone."""

    stored: StoredDestination
    known: KeptDestination | None


class AddDestination(Act):
    """Keep a destination; payouts to it cool off from here on. A `mail` tells its player."""

    verb = "payments.add_payout_destination"
    __slots__ = ("destination_id", "mail", "player_id", "provider", "sealed", "state_version")

    def __init__(
        self,
        principal: str,
        player_id: str,
        manifest: Manifest,
        sealed: Sealed,
        mail: SealedMail | None = None,
    ) -> None:
        super().__init__(principal)
        self.mail = mail
        self.destination_id = new_id("pod")
        self.player_id = player_id
        self.provider, self.state_version = manifest.id, manifest.state_version
        self.sealed = sealed

    def needs(self, stage: Stage) -> list[Need]:
        """Return the player and what they have, and the destination's place."""
        return [
            (PLAYERS, self.player_id),
            (DESTINATIONS_OF, self.player_id),
            (DESTINATIONS, self.destination_id),
        ]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Keep it. Refusals: `unknown_player`, `player_suspended`, `player_closed`,
        `payout_destinations_full`.
        """
        player = stage.get(PLAYERS, self.player_id)
        if player is None or player.state == "erased":
            return UNKNOWN_PLAYER
        if (barred := barred_by(player.state)) is not None:
            return barred
        known = stage.get(DESTINATIONS_OF, self.player_id) or ()
        if len(known) >= MAX_DESTINATIONS:
            return DESTINATIONS_FULL
        made = StoredDestination(
            id=self.destination_id, player_id=self.player_id, provider=self.provider,
            state=DestinationState.OPEN, sealed=self.sealed.ciphertext, added_by=self.principal,
            created_at=stage.now, changed_at=stage.now, state_version=self.state_version,
        )  # fmt: skip
        stage.put(DESTINATIONS, made.id, made)
        stage.put(DESTINATIONS_OF, self.player_id, (*known, made))
        if self.mail is not None:
            stage.put(OUTGOING, self.mail.id, self.mail)
        told = {**_facts(made), "payload": self.sealed.hash}
        return Draft(DESTINATION_ADDED, facts(told), self.sealed)


class RemoveDestination(Act):
    """Take a destination away: no payout is requested to it any more."""

    verb = "payments.remove_payout_destination"
    __slots__ = ("destination_id", "player_id")

    def __init__(self, principal: str, player_id: str, destination_id: str) -> None:
        super().__init__(principal)
        self.player_id = player_id
        self.destination_id = destination_id

    def needs(self, stage: Stage) -> list[Need]:
        """Return the destination, and what its player has."""
        return [(DESTINATIONS, self.destination_id), (DESTINATIONS_OF, self.player_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Remove it. Refusals: `not_found`, `no_change` (removed before)."""
        known = stage.get(DESTINATIONS, self.destination_id)
        if known is None or known.player_id != self.player_id:
            return NO_DESTINATION
        if known.state is not DestinationState.OPEN:
            return NO_CHANGE
        gone = msgspec.structs.replace(
            known, state=DestinationState.REMOVED, sealed=None, changed_at=stage.now
        )
        stage.put(DESTINATIONS, gone.id, gone)
        left = stage.get(DESTINATIONS_OF, self.player_id) or ()
        stage.put(DESTINATIONS_OF, self.player_id, tuple(one for one in left if one.id != gone.id))
        return Draft(DESTINATION_REMOVED, facts(_facts(gone)))


def _facts(one: StoredDestination) -> dict[str, object]:
    return {"destination": one.id, "player": one.player_id, "provider": one.provider}


def payer_out(line: Line) -> PaysOut | None:
    """Return the provider as one that pays out, None for one that does not."""
    plugin = line.plugin
    if PAYOUTS in line.manifest.capabilities and isinstance(plugin, PaysOut):
        return plugin
    return None


async def add_destination(
    payments: Payments,
    tenant: TenantRef,
    principal: str,
    player_id: str,
    provider: str,
    given: Mapping[str, str],
) -> ShownDestination | Refusal:
    """Keep where a player wants money, once the provider has read it.

    Refusals: `unknown_player`, `player_suspended`, `player_closed`, `unknown_provider`,
    `sandbox_refused`, `provider_resting`, `payouts_not_offered`, `payout_destination_refused`,
    `provider_silent`, `payout_destinations_full`, `tenant_suspended`. Raises Unavailable.
    """
    if parse_id("player", player_id) is None:
        return UNKNOWN_PLAYER
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if not await is_player(tx.driver, player_id):
            return UNKNOWN_PLAYER
    line = await line_for_sale(payments, tenant, provider)
    if isinstance(line, Refusal):
        return line
    plugin = payer_out(line)
    if plugin is None:
        return NOT_PAID_OUT
    asked: list[Gathered] = []
    read = await _check(line.gathering(payments, asked), plugin, given)
    if isinstance(read, Refusal):
        # There is no destination that it could be about, but a player whose it is.
        about = Subject(about=provider, player_id=player_id)
        payments.archive.keep_gathered(tenant, about, asked)
        return read
    sealed = await payments.persons.seal(tenant, player_id, msgspec.json.encode(read))
    if isinstance(sealed, Refusal):
        return sealed
    mail = await letter_of_place(payments, tenant, player_id, read)
    act = AddDestination(principal, player_id, line.manifest, sealed, mail)
    about = Subject(about=act.destination_id, player_id=player_id)
    payments.archive.keep_gathered(tenant, about, asked)
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal):
        return outcome
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        stored = await shelf.destination_by_id(tx.driver, act.destination_id)
    return NO_DESTINATION if stored is None else ShownDestination(stored, read)


async def _check(
    line: Line, plugin: PaysOut, given: Mapping[str, str]
) -> KeptDestination | Refusal:
    """Return what the provider reads; one that raises has not said that it could pay there."""
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            said: object = await plugin.check_destination(line.context, given)
    except Exception as error:  # nothing is kept that nobody has read
        log.warning("destination_not_checked", plugin=line.manifest.id, error=fault_of(line, error))
        return DESTINATION_SILENT
    if isinstance(said, DestinationRefused):
        field = None if said.field is None else f"details.{said.field[:80]}"
        return Refusal(code="payout_destination_refused", detail=said.detail[:500], field=field)
    if not isinstance(said, Destination) or not _is_sound(said):
        log.error("provider_malformed", plugin=line.manifest.id)
        return DESTINATION_SILENT
    return KeptDestination(kind=said.kind, label=said.label, details=said.details)


def _is_sound(said: Destination) -> bool:
    words = (said.kind, said.label, *said.details, *said.details.values())
    return len(said.details) <= MAX_DETAILS and all(map(storable, words))


async def list_destinations(
    payments: Payments, tenant: TenantRef, player_id: str
) -> list[ShownDestination] | Refusal:
    """Return where a player can be paid, the oldest first, or `not_found`."""
    if parse_id("player", player_id) is None:
        return NO_PLAYER
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if not await is_player(tx.driver, player_id):
            return NO_PLAYER
        found = await shelf.destinations_of(tx.driver, player_id)
    return [
        ShownDestination(one, await open_destination(payments, tenant, player_id, one.sealed))
        for one in found
    ]


async def remove_destination(
    payments: Payments, tenant: TenantRef, principal: str, player_id: str, destination_id: str
) -> Refusal | None:
    """Remove a destination; safe to repeat. What was sent there goes on.

    Refusals: `not_found` (another player's, too), `tenant_suspended`. Raises Unavailable.
    """
    if parse_id("pod", destination_id) is None:
        return NO_DESTINATION
    act = RemoveDestination(principal, player_id, destination_id)
    outcome = await payments.journal.submit(tenant.schema, act)
    return outcome if isinstance(outcome, Refusal) and outcome != NO_CHANGE else None


async def see_destination(
    payments: Payments, tenant: TenantRef, principal: str, payout_id: str
) -> KeptDestination | Refusal:
    """Return in clear where a payout goes, for whoever sends it, and record who looked.

    Refusal: `not_found`, also of a person who was erased.
    """
    if parse_id("pyo", payout_id) is None:
        return NO_PAYOUT
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        payout = await shelf.payout_by_id(tx.driver, payout_id)
    if payout is None:
        return NO_PAYOUT
    known = await open_destination(payments, tenant, payout.player_id, payout.destination)
    if known is None:
        return NO_DESTINATION
    recorder = await payments.recorder(tenant)
    async with payments.db.begin(tenant.schema) as tx:
        told = {"payout": payout.id, "player": payout.player_id}
        await recorder.record(tx, principal, DESTINATION_SEEN, told)
    return known
