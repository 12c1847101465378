"""Take the money of an approved payment, unless what was published since it began vetoes that.

A payment keeps its revision, and a new veto binds it until its money is captured. Where the player
has approved and our own call takes the money, that is the last moment to ask.
"""

import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.asking import ask_provider
from guildbank.payments.contracts.refusals import NO_PAYMENT
from guildbank.payments.contracts.rows import Attempt, Intent
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line
from guildbank.payments.usecases.ask_steps import ask_steps
from guildbank.payments.usecases.attempt import purchase_view
from guildbank.payments.usecases.carry_out import GATE_UNAVAILABLE, carry_out
from guildbank.pipelines import Passage, added_since
from guildbank.plugin_api import CAPTURE, Captures, Outcome, OutcomeStatus

log = structlog.get_logger(__name__)


def is_ours_to_capture(line: Line, outcome: Outcome) -> bool:
    """Say whether the player approved, and a call of ours takes the money."""
    pending = outcome.status is OutcomeStatus.PENDING and outcome.approved
    return pending and CAPTURE in line.manifest.capabilities


async def capture_approved(
    payments: Payments, tenant: TenantRef, line: Line, attempt: Attempt
) -> Outcome | Refusal:
    """Ask what was added since the payment began, then take the money; return what came of it.

    A veto cancels the attempt at its provider and ends the payment, which gives back what it
    reserved; where the provider does not confirm that, nothing is taken and the next look asks
    again. Nothing is kept between the answer and the call: who dies there is asked anew. Refusals:
    `purchase_vetoed`; `gate_unavailable`, with which the payment waits on; `not_found`.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, attempt.payment_id)
        if intent is None:
            return NO_PAYMENT
        began = (intent.purpose, intent.revision)
        added = await added_since(
            payments.pipelines, tx.driver, tenant.schema, began, intent.player_id
        )
    view = purchase_view(intent, intent, attempt.provider, intent.id)
    passage = await ask_steps(payments, tenant, added.checks, view, intent.id)
    if passage.refusal is not None:
        return await _refused(payments, tenant, line, (intent, attempt), passage, passage.refusal)
    plugin = line.plugin
    assert isinstance(plugin, Captures), "its manifest says that it captures"
    return await ask_provider(
        line, plugin.capture_payment(line.context, attempt.id, attempt.reference)
    )


async def _refused(
    payments: Payments,
    tenant: TenantRef,
    line: Line,
    of: tuple[Intent, Attempt],
    passage: Passage,
    refusal: Refusal,
) -> Outcome | Refusal:
    if refusal.code == GATE_UNAVAILABLE:
        log.warning("capture_waits", tenant=tenant.slug, payment=of[0].id)
        return refusal
    said = await carry_out(payments, tenant, line, of, passage)
    # Somebody took the money before: it is booked, and after a capture nothing vetoes.
    taken = said is not None and said.status is OutcomeStatus.PROCESSED
    return said if said is not None and taken else refusal
