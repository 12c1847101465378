"""Tell a store that a purchase is credited: at once, and again until it has heard.

That it is to be told is written in the commit that credits, so that whoever dies in between leaves
it to the janitor. Nothing else waits for it.
"""

import asyncio

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Draft, Need, Receipt, Stage, facts
from guildbank.journal import Outcome as JournalOutcome
from guildbank.kernel import Refusal
from guildbank.payments import store, unfinished
from guildbank.payments.asking import fault_of
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.rows import CREDITED, PAYMENT_FINISHED, Attempt, Finish
from guildbank.payments.contracts.subscriptions import FREE_PERIOD_BEGAN
from guildbank.payments.rules import next_look
from guildbank.payments.store import ATTEMPTS
from guildbank.payments.usecases import PaymentAct, Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.plugin_api import Finishes

log = structlog.get_logger(__name__)


class NoteFinished(PaymentAct):
    """Record that the store has heard."""

    verb = "payments.finish"
    __slots__ = ("attempt_id", "provider")

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt.payment_id, provider_principal(attempt.provider))
        self.attempt_id = attempt.id
        self.provider = attempt.provider

    def needs(self, stage: Stage) -> list[Need]:
        """Return the payment and the attempt."""
        return [*super().needs(stage), (ATTEMPTS, self.attempt_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Note it once, or say `no_change`."""
        attempt = stage.get(ATTEMPTS, self.attempt_id)
        if attempt is None or attempt.finish is not Finish.DUE:
            return NO_CHANGE
        stage.put(ATTEMPTS, attempt.id, unfinished.finished(attempt, stage.now))
        told = {"payment": self.payment_id, "attempt": attempt.id, "provider": self.provider}
        return Draft(PAYMENT_FINISHED, facts(told))


def begin_finish(
    payments: Payments, tenant: TenantRef, attempt: Attempt, outcome: JournalOutcome
) -> None:
    """Let a store be told of what was just credited, or begun for free; nobody waits for that."""
    had = isinstance(outcome, Receipt) and outcome.kind in (CREDITED, FREE_PERIOD_BEGAN)
    if had and payments.plugins.finishes(attempt.provider):
        payments.start(finish_payment(payments, tenant, attempt.id))


async def finish_payment(payments: Payments, tenant: TenantRef, attempt_id: str) -> bool:
    """Tell the store, under a lease, then note it or plan the next try; False where none was due.

    Raises Unavailable.
    """
    now, timing = payments.clock.now(), payments.timing
    async with payments.db.begin(tenant.schema) as tx:
        attempt = await store.attempt_by_id(tx.driver, attempt_id)
        if attempt is None or attempt.finish is not Finish.DUE:
            return False
        number = await unfinished.lease_finish(tx.driver, attempt_id, now, now + timing.lease)
    if number is None:
        return False
    if await _tell(payments, tenant, attempt):
        await payments.journal.submit(tenant.schema, NoteFinished(attempt))
        return True
    async with payments.db.begin(tenant.schema) as tx:
        at = now + next_look(timing.finish, number - 1)
        await unfinished.plan_finish(tx.driver, attempt_id, now, at)
    return True


async def _tell(payments: Payments, tenant: TenantRef, attempt: Attempt) -> bool:
    """Say whether the store has heard; outside of any transaction."""
    line = await line_about(payments, tenant, attempt.provider, attempt.payment_id)
    if isinstance(line, Refusal) or not isinstance(line.plugin, Finishes):
        log.warning("payment_not_finished", attempt=attempt.id, provider=attempt.provider)
        return False
    try:
        async with asyncio.timeout(line.manifest.timeout_seconds):
            await line.plugin.finish_payment(line.context, attempt.reference or "")
    except Exception as error:  # whatever it raises, the store is told again
        log.warning("payment_not_finished", attempt=attempt.id, error=fault_of(line, error))
        return False
    return True
