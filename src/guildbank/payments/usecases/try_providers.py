"""Try a payment with its provider, and with the next ones of its route where that one cannot."""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.contracts.rows import Intent, IntentState
from guildbank.payments.declines import Next, row_of
from guildbank.payments.rules import MAX_ATTEMPTS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line
from guildbank.payments.usecases.attempt import Asked, Said, Sent, start_attempt
from guildbank.payments.usecases.charges import may_take
from guildbank.payments.usecases.choose_provider import next_choice
from guildbank.pipelines import Because, began_with
from guildbank.plugin_api import OutcomeStatus

CERTAINLY_NOT = (OutcomeStatus.DECLINED, OutcomeStatus.CANCELED)
"""After these no money was taken, so another provider may be asked."""


async def try_providers(
    payments: Payments,
    tenant: TenantRef,
    intent: Intent,
    sent: Sent,
    by: Asked,
    because: Because,
    line: Line | None = None,
) -> Refusal | None:
    """Make one attempt as it was asked for, and others while a provider certainly cannot.

    The method that was named is the first provider's own; the others ask the player by their page.
    Beside a provider that the buyer named nobody is asked.
    Refusals: those of the first attempt. What stops a later one leaves the payment as it stands,
    open for the player's next try.
    """
    said = await start_attempt(payments, tenant, intent, sent, by, because, line)
    if isinstance(said, Refusal):
        return said
    await fall_back(payments, tenant, intent, sent, by, said)
    return None


async def fall_back(
    payments: Payments,
    tenant: TenantRef,
    intent: Intent,
    sent: Sent,
    by: Asked,
    said: Said | None,
) -> None:
    """Ask the next providers of the route while the one before `said` that it certainly cannot."""
    for _ in range(MAX_ATTEMPTS):
        if said is None or said.outcome.status not in CERTAINLY_NOT:
            break
        async with payments.db.begin(tenant.schema, read_only=True) as tx:
            stands = await store.intent_by_id(tx.driver, intent.id)
            stages = await began_with(
                payments.pipelines, tx.driver, tenant.schema, intent.purpose, intent.revision
            )
        if stands is None or not _cannot(stands) or _was_named(stands):
            break
        choice = await next_choice(payments, tenant, stages.routes, stands)
        if choice is None or not may_take(payments, stages, stands, choice.provider):
            break
        elsewhere = Sent(choice.provider, None, sent.return_url, sent.payer)
        asked = Asked(by.principal, whence=by.whence)
        again = await start_attempt(payments, tenant, stands, elsewhere, asked, choice.because)
        said = None if isinstance(again, Refusal) else again


def _was_named(intent: Intent) -> bool:
    """Say whether the buyer chose the last provider: then nobody else is asked."""
    return msgspec.json.decode(intent.because, type=Because).by == "buyer"


def _cannot(intent: Intent) -> bool:
    """Say whether the last provider took no money for a reason of its own."""
    row = row_of(intent.problem)
    waits = intent.state is IntentState.REQUIRES_PAYMENT_METHOD
    return waits and row is not None and row.next is Next.ELSEWHERE
