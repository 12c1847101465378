"""Try again: a new attempt for a payment whose last one was declined or came to nothing."""

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.contracts import NO_PAYMENT, NOT_RETRYABLE, Intent
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.attempt import Asked, start_attempt


async def retry_payment(
    payments: Payments,
    tenant: TenantRef,
    payment_id: str,
    provider: str | None,
    method: str | None,
    return_url: str | None,
    by: Asked,
) -> Intent | Refusal:
    """Make another attempt, with the same or another provider.

    Refusals: `not_found`, `payment_not_retryable` and those of the attempt. Two calls at once
    make one attempt: the other is refused, or with the same key answered alike.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
    if intent is None:
        return NO_PAYMENT
    if intent.attempts == 0:
        return NOT_RETRYABLE
    work = start_attempt(
        payments, tenant, intent, provider or intent.provider, method, return_url, by
    )
    refusal = await payments.wait(payments.start(work))
    if refusal is not None:
        return refusal
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await store.intent_by_id(tx.driver, payment_id) or NO_PAYMENT
