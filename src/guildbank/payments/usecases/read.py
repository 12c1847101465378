"""Read payments as people and machines see them."""

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import store
from guildbank.payments.contracts.refusals import NO_PAYMENT, NO_REFUND
from guildbank.payments.contracts.rows import Dossier, Intent, Refund
from guildbank.payments.store import PaymentFilter
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.look import nudge
from guildbank.payments.usecases.refund_reason import with_reasons


async def get_payment(
    payments: Payments, tenant: TenantRef, payment_id: str, *, player_id: str | None = None
) -> Dossier | Refusal:
    """Return a payment; one that waits for its provider is looked at again first.

    Refuses `not_found`, also for another player's payment when `player_id` is given.
    """
    if parse_id("pay", payment_id) is None:
        return NO_PAYMENT
    dossier = await read_payment(payments, tenant, payment_id)
    if dossier is None or player_id not in (None, dossier.intent.player_id):
        return NO_PAYMENT
    looked = await payments.wait(payments.start(nudge(payments, tenant, dossier.intent)))
    if looked:
        dossier = await read_payment(payments, tenant, payment_id)
    return dossier or NO_PAYMENT


async def read_payment(payments: Payments, tenant: TenantRef, payment_id: str) -> Dossier | None:
    """Return a payment as it is stored."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        found = await store.read_dossier(tx.driver, payment_id)
    if found is None:
        return None
    refunds = await with_reasons(payments, tenant, found.intent.player_id, found.refunds)
    return found._replace(refunds=refunds)


async def list_payments(
    payments: Payments, tenant: TenantRef, wanted: PaymentFilter, before: str | None, limit: int
) -> list[Intent]:
    """Return payments, the newest first."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await store.intent_page(tx.driver, wanted, before, limit)


async def get_refund(payments: Payments, tenant: TenantRef, refund_id: str) -> Refund | Refusal:
    """Return a refund, or `not_found`."""
    if parse_id("ref", refund_id) is None:
        return NO_REFUND
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        refund = await store.refund_by_id(tx.driver, refund_id)
        intent = None if refund is None else await store.intent_by_id(tx.driver, refund.payment_id)
    if refund is None or intent is None:
        return NO_REFUND
    return (await with_reasons(payments, tenant, intent.player_id, [refund]))[0]
