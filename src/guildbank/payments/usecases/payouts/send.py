"""Send a payout and see how it stands: the intent is committed, then the call, then its outcome."""

from datetime import datetime

import msgspec
import structlog

from guildbank.identity import PLAYERS, UNKNOWN_PLAYER, barred_by
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments import payouts as shelf
from guildbank.payments.archive import Subject
from guildbank.payments.asking import ask_provider
from guildbank.payments.contracts.payouts import PAYOUT_HELD, PAYOUT_SENDING, Payout, PayoutState
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.refusals_payouts import NO_PAYOUT
from guildbank.payments.payouts import PAYOUTS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, line_with
from guildbank.payments.usecases.payouts.destinations import payer_out
from guildbank.payments.usecases.payouts.finish import finish_payout
from guildbank.payments.usecases.payouts.open_destination import open_destination
from guildbank.payments.withdrawing import SENT
from guildbank.plugin_api import SEND_AGAIN, Outcome, OutcomeStatus, PayoutRequest, PaysOut

log = structlog.get_logger(__name__)
_REQUESTS = msgspec.json.Decoder(PayoutRequest)


class SendPayout(Act):
    """Record that a payout is being sent: from here on nobody takes it back.

    That of a player who may not be paid is held instead, until they are reinstated or it is ended.
    """

    verb = "payments.send_payout"
    rounds = 2
    __slots__ = ("now", "payout_id")

    def __init__(self, payout_id: str, now: datetime) -> None:
        super().__init__("system")
        self.payout_id = payout_id
        self.now = now

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payout, then its player."""
        needs: list[Need] = [(PAYOUTS, self.payout_id)]
        known = stage.get(PAYOUTS, self.payout_id) if stage.loaded(*needs[0]) else None
        return needs if known is None else [*needs, (PLAYERS, known.player_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Record it. Refusals: `not_found`, `no_change` (it waits, was sent, or has ended), and
        `player_suspended`, `player_closed`, `unknown_player` where it is held for that already.
        """
        known = stage.get(PAYOUTS, self.payout_id)
        if known is None:
            return NO_PAYOUT
        if known.state is not PayoutState.REQUESTED:
            return NO_CHANGE
        player = stage.get(PLAYERS, known.player_id)
        gone = player is None or player.state == "erased"
        barred = UNKNOWN_PLAYER if player is None or gone else barred_by(player.state)
        if barred is not None:
            return _held(stage, known, barred)
        sending = msgspec.structs.replace(
            known, state=PayoutState.SENDING, code=None, changed_at=stage.now, sent_at=self.now
        )
        stage.put(PAYOUTS, sending.id, sending)
        told = {"payout": sending.id, "player": sending.player_id, "state": sending.state}
        return Draft(PAYOUT_SENDING, facts(told))


def _held(stage: Stage, payout: Payout, barred: Refusal) -> Draft | Refusal:
    """Note once why a payout is not sent; from then on it is refused for that."""
    if payout.code == barred.code:
        return barred
    held = msgspec.structs.replace(payout, code=barred.code, changed_at=stage.now)
    stage.put(PAYOUTS, held.id, held)
    told = {"payout": held.id, "player": held.player_id, "state": held.state, "code": held.code}
    return Draft(PAYOUT_HELD, facts(told))


async def send_payout(payments: Payments, tenant: TenantRef, payout_id: str) -> None:
    """Send a payout that is to be sent and never was; of whoever races, one does."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        payout = await shelf.payout_by_id(tx.driver, payout_id)
    if payout is None or payout.state is not PayoutState.REQUESTED:
        return
    found = await _line(payments, tenant, payout)
    if found is None:
        # It waits, uncommitted to, until its provider can be called again.
        return
    now = payments.clock.now()
    outcome = await payments.journal.submit(tenant.schema, SendPayout(payout.id, now))
    if isinstance(outcome, Receipt) and outcome.kind == PAYOUT_SENDING:
        await _pay(payments, tenant, payout, found)


async def look_at_payout(
    payments: Payments, tenant: TenantRef, payout: Payout, named: str | None = None
) -> bool:
    """Ask the provider how a payout stands; one that never arrived is sent again.

    The same request goes under the same key, and only while providers keep keys. `named` is how
    the provider calls it, where a believed event has told. Returns False if it cannot tell.
    """
    if payout.state is PayoutState.REQUESTED:
        await send_payout(payments, tenant, payout.id)
        return True
    if payout.state is PayoutState.WAITING:
        # Nothing has left. "Not found" would be taken for a word on what may be sent meanwhile.
        return True
    found = await _line(payments, tenant, payout)
    if found is None:
        return False
    line, plugin = found
    request = await request_of(payments, tenant, payout)
    outcome = await ask_provider(
        line, plugin.fetch_payout(line.context, request, payout.reference or named)
    )
    never = outcome.status is OutcomeStatus.CANCELED and outcome.code == "not_found"
    unsure = outcome.status is OutcomeStatus.UNKNOWN and outcome.code == SEND_AGAIN
    sent_at = payout.sent_at or payout.created_at
    young = payments.clock.now() - sent_at < payments.timing.resend
    if (never or unsure) and young and payout.reference is None and payout.state in SENT:
        await _pay(payments, tenant, payout, found, unsure=unsure)
        return True
    told = outcome.status is not OutcomeStatus.UNKNOWN
    if told or payout.state is PayoutState.SENDING:
        await finish_payout(payments, tenant, payout, outcome)
    return told


async def _pay(
    payments: Payments,
    tenant: TenantRef,
    payout: Payout,
    found: tuple[Line, PaysOut],
    *,
    unsure: bool = False,
) -> None:
    line, plugin = found
    request = await request_of(payments, tenant, payout)
    outcome = await ask_provider(line, plugin.pay_out(line.context, request))
    refused = outcome.status in (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED)
    if unsure and refused and outcome.reference is None:
        # The request before may have been taken, and have left too little for this one.
        outcome = Outcome(status=OutcomeStatus.UNKNOWN, code=outcome.code)
    await finish_payout(payments, tenant, payout, outcome)


async def _line(
    payments: Payments, tenant: TenantRef, payout: Payout
) -> tuple[Line, PaysOut] | None:
    """Return how to call the payout's provider; where it goes is not kept with the exchanges."""
    line = await line_with(payments, tenant, payout.provider, payout.state_version)
    plugin = None if isinstance(line, Refusal) else payer_out(line)
    if isinstance(line, Refusal) or plugin is None:
        log.warning("payout_not_sent", payout=payout.id, provider=payout.provider)
        return None
    about = Subject(about=payout.id, player_id=payout.player_id)
    return line.about(payments, tenant, about), plugin


async def request_of(payments: Payments, tenant: TenantRef, payout: Payout) -> PayoutRequest:
    """Return the request as it was recorded, with where to in clear."""
    request = _REQUESTS.decode(payout.request)
    known = await open_destination(payments, tenant, payout.player_id, payout.destination)
    return request if known is None else msgspec.structs.replace(request, details=known.details)
