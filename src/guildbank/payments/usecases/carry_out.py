"""Carry out a veto on a payment that waits: cancel it at its provider, and only then end it."""

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.payments.asking import ask_provider
from guildbank.payments.contracts.rows import Attempt, AttemptState, Intent, IntentState
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line
from guildbank.payments.usecases.end import end_payment
from guildbank.pipelines import Passage
from guildbank.plugin_api import Outcome, OutcomeStatus

log = structlog.get_logger(__name__)
GATE_UNAVAILABLE = "gate_unavailable"
_OVER = {
    OutcomeStatus.CANCELED: AttemptState.CANCELED,
    OutcomeStatus.DECLINED: AttemptState.DECLINED,
}


async def carry_out(
    payments: Payments,
    tenant: TenantRef,
    line: Line,
    of: tuple[Intent, Attempt],
    passage: Passage,
) -> Outcome | None:
    """End a payment that the passage refuses; return None then, else what its provider said.

    Nothing ends that the provider does not confirm to take no money. Where it says `processed`
    the money came first, and the caller books it.
    """
    refusal = passage.refusal
    assert refusal is not None, "the caller asked, and was refused"
    intent, attempt = of
    said = await ask_provider(
        line, line.plugin.cancel_payment(line.context, attempt.id, attempt.reference)
    )
    confirmed = _OVER.get(said.status)
    if confirmed is None:
        if said.status is not OutcomeStatus.PROCESSED:
            log.warning("veto_not_carried_out", tenant=tenant.slug, payment=intent.id)
        return said
    await end_payment(
        payments, tenant, intent, IntentState.FAILED, problem=refusal.code,
        confirmed=confirmed, detail=refusal.detail, checked=passage.answers,
    )  # fmt: skip
    return None
