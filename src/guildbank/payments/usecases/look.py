"""Look at attempts and refunds that only the provider can tell about, one at a time each."""

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Lane, Turn, alternating, in_lanes
from guildbank.journal import Unavailable
from guildbank.kernel import Refusal
from guildbank.payments import agenda, disputes, store, unfinished
from guildbank.payments.asking import ask_confirmation, ask_provider
from guildbank.payments.contracts.rows import (
    Attempt,
    AttemptState,
    Dispute,
    Intent,
    Refund,
    RefundState,
)
from guildbank.payments.rules import LIVE_ATTEMPTS, next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, line_about
from guildbank.payments.usecases.capture import capture_approved, is_ours_to_capture
from guildbank.payments.usecases.finish_payment import finish_payment
from guildbank.payments.usecases.finish_refund import look_at_refund
from guildbank.payments.usecases.refund import refund_unapplied
from guildbank.payments.usecases.send_answer import look_at_answer
from guildbank.payments.usecases.settle import settle
from guildbank.plugin_api import (
    Confirmation,
    Confirms,
    NotConfirmed,
    Outcome,
    OutcomeStatus,
    PaymentRequest,
)

log = structlog.get_logger(__name__)
_NEVER = datetime(1, 1, 2, tzinfo=UTC)
_NO_MORE = datetime(9999, 1, 1, tzinfo=UTC)
PURCHASE = "transaction"
"""Under which name a store is told of a purchase that an event named."""
_REQUESTS = msgspec.json.Decoder(PaymentRequest)
MAX_LOOKS = 100
"""What one run of the janitor does for one tenant; the rest waits for the next."""


async def look_at_attempt(
    payments: Payments, tenant: TenantRef, attempt: Attempt, told: str | None = None
) -> bool:
    """Ask the provider how an attempt stands, and settle what it says; False if it cannot tell.

    `told` is the purchase that an event named; a store is asked about it, since it has no other
    name for an attempt until then.
    """
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal):
        return False
    if told is not None and line.manifest.sold_by_store:
        outcome = await ask_about(line, attempt, told)
    else:
        outcome = await ask_provider(
            line,
            line.plugin.fetch_payment(line.context, attempt.id, attempt.reference),
        )
    if is_ours_to_capture(line, outcome):
        taken = await capture_approved(payments, tenant, line, attempt)
        # Where it was refused the attempt is over, or waits as it did.
        outcome = outcome if isinstance(taken, Refusal) else taken
    certain = outcome.status is not OutcomeStatus.UNKNOWN
    if certain or not _being_sent(payments, attempt):
        await settle(payments, tenant, attempt, outcome)
    return certain


async def ask_about(line: Line, attempt: Attempt, purchase: str) -> Outcome:
    """Return what a store says of a purchase, as of one that the buyer names."""
    if not isinstance(line.plugin, Confirms):
        return Outcome(status=OutcomeStatus.UNKNOWN, code="not_asked")
    request = _REQUESTS.decode(attempt.request)
    given = Confirmation(
        request=request, reference=attempt.reference, data={PURCHASE: purchase}, by="buyer"
    )
    said = await ask_confirmation(line, line.plugin.confirm(line.context, given))
    if isinstance(said, NotConfirmed):
        return Outcome(status=OutcomeStatus.UNKNOWN, code="not_confirmed")
    return said


def _being_sent(payments: Payments, attempt: Attempt) -> bool:
    """Say whether the request may be on its way from another task at this moment."""
    age = payments.clock.now() - attempt.created_at
    return attempt.state is AttemptState.CREATED and age < payments.timing.lease


async def janitor(payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS) -> int:
    """Look at what is due until the turn is over; return how many looks were taken.

    A provider that is silent is waited for by what is to be asked of it, and by nothing else.
    """
    now, timing = payments.clock.now(), payments.timing
    first = now - timing.unknown[0], now - timing.pending[0]
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        attempts = await agenda.live_attempts(tx.driver, now, *first, MAX_LOOKS)
        refunds = await agenda.open_refunds(tx.driver, now, *first, MAX_LOOKS)
        aside = await agenda.unapplied_attempts(tx.driver, MAX_LOOKS)
        waiting = await unfinished.attempts_to_finish(tx.driver, now, MAX_LOOKS)
        answers = await disputes.answering(tx.driver, now, first[0], MAX_LOOKS)

    def looks(subjects: Iterable[Attempt | Refund | Dispute]) -> list[Lane]:
        return [(one.provider, partial(_look, payments, tenant, one, now)) for one in subjects]

    back = [(one.provider, partial(_give_back, payments, tenant, one)) for one in aside]
    told = [(one.provider, partial(_finish, payments, tenant, one)) for one in waiting]
    works = alternating(looks(attempts), looks(refunds), looks(answers), back, told)
    return await in_lanes(turn, works)


async def _give_back(payments: Payments, tenant: TenantRef, attempt: Attempt) -> int:
    """Give unapplied money back; that is no look."""
    await refund_unapplied(payments, tenant, attempt)
    return 0


async def _finish(payments: Payments, tenant: TenantRef, attempt: Attempt) -> bool:
    """Tell a store what it waits for; the next run finds what this one could not note."""
    try:
        return await finish_payment(payments, tenant, attempt.id)
    except Unavailable as away:
        log.warning("look_failed", subject=attempt.id, error=str(away))
        return True


async def nudge(payments: Payments, tenant: TenantRef, intent: Intent) -> bool:
    """Look again because someone asks: at most once in a while, and never twice at once."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        attempts = await store.attempts_of(tx.driver, intent.id)
        refunds = await store.refunds_of(tx.driver, intent.id)
    live = [one for one in attempts if one.state in LIVE_ATTEMPTS]
    open_ = [one for one in refunds if one.state in _ASKABLE]
    now = payments.clock.now()
    looked = False
    subjects: list[Attempt | Refund] = [*live, *open_]
    for one in subjects:
        if now - one.changed_at >= payments.timing.nudge:
            looked |= await _look(payments, tenant, one, now, nudged=True)
    return looked


_ASKABLE = (RefundState.CREATED, RefundState.PENDING, RefundState.UNKNOWN)


async def _look(
    payments: Payments,
    tenant: TenantRef,
    one: Attempt | Refund | Dispute,
    now: datetime,
    *,
    nudged: bool = False,
) -> bool:
    """Take one look under a lease, then plan the next one."""
    timing = payments.timing
    idle_since = now - timing.nudge if nudged else _NEVER
    async with payments.db.begin(tenant.schema) as tx:
        number = await agenda.lease_look(
            tx.driver, one.id, now, now + timing.lease, idle_since=idle_since, count=1 - nudged
        )
    if number is None:
        return False
    try:
        if isinstance(one, Attempt):
            await look_at_attempt(payments, tenant, one)
        elif isinstance(one, Dispute):
            await look_at_answer(payments, tenant, one)
        else:
            await look_at_refund(payments, tenant, one)
    except Unavailable as away:
        log.warning("look_failed", subject=one.id, error=str(away))
    pending = one.state in (AttemptState.PENDING, RefundState.PENDING)
    delays = timing.pending if pending else timing.unknown
    over = not pending and number >= len(delays)
    at = _NO_MORE if over else now + next_look(delays, number)
    async with payments.db.begin(tenant.schema) as tx:
        await agenda.plan_look(tx.driver, one.id, now, at)
    return True
