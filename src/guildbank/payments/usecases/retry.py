"""Try again: a new attempt for a payment whose last one was declined or came to nothing."""

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.contracts.refusals import NO_PAYMENT, NOT_RETRYABLE, SOLD_BY_STORE
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.attempt import Asked, Sent
from guildbank.payments.usecases.charges import may_take
from guildbank.payments.usecases.choose_method import NO_WISH, MethodWish, provider_of
from guildbank.payments.usecases.choose_provider import bought_of, choose_provider
from guildbank.payments.usecases.try_providers import try_providers
from guildbank.pipelines import Because, began_with
from guildbank.plugin_api import Payer


async def retry_payment(
    payments: Payments,
    tenant: TenantRef,
    payment_id: str,
    provider: str | None,
    method: str | None,
    return_url: str | None,
    by: Asked,
    payer: Payer | None = None,
    wish: MethodWish = NO_WISH,
) -> Intent | Refusal:
    """Make another attempt, with the same or another provider that its route names.

    Refusals: `not_found`, `payment_not_retryable`, `provider_not_offered`, `no_route`, those of
    `provider_of` and those of the attempt. Two calls at once make one attempt: the other is
    refused, or with the same key answered alike.
    """
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        intent = await store.intent_by_id(tx.driver, payment_id)
        if intent is None:
            return NO_PAYMENT
        stages = await began_with(
            payments.pipelines, tx.driver, tenant.schema, intent.purpose, intent.revision
        )
    if intent.attempts == 0:
        return NOT_RETRYABLE
    kept_by = await provider_of(
        payments, tenant, intent.player_id, wish, provider=provider, method=method
    )
    if isinstance(kept_by, Refusal):
        return kept_by
    named = kept_by or intent.provider
    bought = bought_of(intent, intent)
    choice = await choose_provider(payments, tenant, stages.routes, bought, intent.id, named)
    if isinstance(choice, Refusal):
        return choice
    if not may_take(payments, stages, intent, choice.provider):
        return SOLD_BY_STORE
    because = choice.because
    if kept_by is None and because.route is not None and _by(intent) in ("route", "fallback"):
        # Nobody named the provider now or before: the route did.
        because = msgspec.structs.replace(because, by="route")
    sent = Sent(choice.provider, method, return_url, payer, wish)
    work = try_providers(payments, tenant, intent, sent, by, because)
    refusal = await payments.wait(payments.start(work))
    if refusal is not None:
        return refusal
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await store.intent_by_id(tx.driver, payment_id) or NO_PAYMENT


def _by(intent: Intent) -> str:
    """Return why the newest attempt went to its provider."""
    return msgspec.json.decode(intent.because, type=Because).by
