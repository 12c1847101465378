"""Cancel or expire a payment: only once the provider confirms that it will take no money."""

from datetime import UTC, datetime
from functools import partial

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.infra.turns import ENDLESS, Turn, in_lanes
from guildbank.journal import Unavailable
from guildbank.kernel import Refusal
from guildbank.payments import agenda, store
from guildbank.payments.asking import ask_provider
from guildbank.payments.contracts.refusals import IN_PROGRESS, NO_PAYMENT, NOT_CANCELABLE
from guildbank.payments.contracts.rows import AttemptState, Intent, IntentState
from guildbank.payments.rules import INTENT, LIVE_ATTEMPTS, next_look
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.end import end_payment
from guildbank.payments.usecases.settle import settle
from guildbank.plugin_api import OutcomeStatus

log = structlog.get_logger(__name__)
_NEVER = datetime(1, 1, 2, tzinfo=UTC)
_CONFIRMED = {
    OutcomeStatus.CANCELED: AttemptState.CANCELED,
    OutcomeStatus.DECLINED: AttemptState.DECLINED,
}


async def cancel_payment(
    payments: Payments, tenant: TenantRef, principal: str, payment_id: str
) -> Intent | Refusal:
    """Cancel a payment that took no money; canceling it again changes nothing.

    Refusals: `not_found`, `payment_not_cancelable` (it ended, or money was captured first),
    `payment_in_progress` (the provider cannot say yet).
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
    if intent is None:
        return NO_PAYMENT
    if intent.state is IntentState.CANCELED:
        return intent
    refusal = await stop_payment(payments, tenant, intent, IntentState.CANCELED, principal)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id) or intent
    # Somebody who canceled at the same time may have been the first.
    canceled = intent.state is IntentState.CANCELED
    return intent if refusal is None or canceled else refusal


async def expire_payments(
    payments: Payments, tenant: TenantRef, turn: Turn = ENDLESS, limit: int = 100
) -> int:
    """Expire payments whose time is over, until the turn is; return how many ended.

    Each is a lane of its own, so that a silent provider keeps none that can be ended from its turn.
    One whose provider does not confirm it is tried again later and later, at last once a day.
    """
    now = payments.clock.now()
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        due = await agenda.due_intents(tx.driver, now, limit)
    return await in_lanes(
        turn, ((one.id, partial(_expire, payments, tenant, one, now)) for one in due)
    )


async def _expire(payments: Payments, tenant: TenantRef, intent: Intent, now: datetime) -> bool:
    """Try to end a payment under a lease, and plan the next try where it did not end."""
    timing = payments.timing
    subject = f"{intent.id}{agenda.OF_EXPIRY}"
    async with payments.db.begin(tenant.schema) as tx:
        number = await agenda.lease_look(
            tx.driver, subject, now, now + timing.lease, idle_since=_NEVER, count=1
        )
    if number is None:
        return False
    refusal: Refusal | None = IN_PROGRESS
    try:
        refusal = await stop_payment(payments, tenant, intent, IntentState.EXPIRED, "system")
    except Unavailable as away:
        log.warning("look_failed", subject=intent.id, error=str(away))
    again = now + next_look(timing.unknown, number - 1)
    async with payments.db.begin(tenant.schema) as tx:
        await agenda.plan_look(tx.driver, subject, now, again)
    return refusal is None


async def stop_payment(
    payments: Payments, tenant: TenantRef, intent: Intent, end: IntentState, principal: str
) -> Refusal | None:
    """End a payment; a live attempt is canceled at the provider first."""
    if end not in INTENT[intent.state]:
        return NOT_CANCELABLE
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        attempts = await store.attempts_of(tx.driver, intent.id)
    attempt = next((one for one in attempts if one.id == intent.attempt_id), None)
    if attempt is None or attempt.state not in LIVE_ATTEMPTS:
        return await end_payment(payments, tenant, intent, end, principal=principal)
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal):
        return line
    outcome = await ask_provider(
        line, line.plugin.cancel_payment(line.context, attempt.id, attempt.reference)
    )
    confirmed = _CONFIRMED.get(outcome.status)
    if confirmed is None:
        if outcome.status is OutcomeStatus.PROCESSED:
            await settle(payments, tenant, attempt, outcome)
            return NOT_CANCELABLE
        return IN_PROGRESS
    return await end_payment(
        payments, tenant, intent, end, principal=principal, confirmed=confirmed
    )
