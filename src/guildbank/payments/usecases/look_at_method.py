"""Ask a provider how a saved method stands: banks renew cards, and others detach them."""

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Sealed, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments import saved
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.refusals_saved import CUSTOMER_SILENT, NOT_SAVED_HERE
from guildbank.payments.contracts.saved import METHOD_UPDATED, MethodState, PaymentMethod
from guildbank.payments.saved import METHODS
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.end_method import EndMethod
from guildbank.payments.usecases.saved_names import (
    ask_keeper,
    is_sound,
    keeper,
    names_of,
    open_method,
)
from guildbank.plugin_api import SavedMethod

log = structlog.get_logger(__name__)


class UpdateMethod(Act):
    """Keep what a provider says anew of a method that is saved."""

    verb = "payments.update_method"
    __slots__ = ("method_id", "sealed", "twin")

    def __init__(self, method: PaymentMethod, sealed: Sealed, twin: str | None) -> None:
        super().__init__(provider_principal(method.provider))
        self.method_id = method.id
        self.sealed = sealed
        self.twin = twin

    def needs(self, stage: Stage) -> list[Need]:
        """Return the method."""
        return [(METHODS, self.method_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Keep it, or say `no_change` of a method that was removed meanwhile."""
        known = stage.get(METHODS, self.method_id)
        if known is None or known.state is not MethodState.SAVED:
            return NO_CHANGE
        updated = msgspec.structs.replace(
            known, sealed=self.sealed.ciphertext, twin=self.twin, changed_at=stage.now
        )
        stage.put(METHODS, updated.id, updated)
        told = {"method": known.id, "player": known.player_id, "provider": known.provider}
        return Draft(METHOD_UPDATED, facts(told))


async def look_at_method(
    payments: Payments, tenant: TenantRef, method: PaymentMethod
) -> SavedMethod | Refusal | None:
    """Return the method as its provider knows it now, None where it is gone; that is recorded.

    Refusals: `provider_silent`, `payment_methods_not_saved`, and those of `line_to`.
    """
    line = await line_about(payments, tenant, method.provider, method.payment_id)
    if isinstance(line, Refusal):
        return line
    plugin = keeper(line)
    if plugin is None:
        return NOT_SAVED_HERE
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        customer = await saved.customer_by_id(tx.driver, method.customer_id)
    names = await names_of(payments, tenant)
    before = await open_method(payments, tenant, method)
    reference = None if customer is None else names.open(customer)
    if before is None or reference is None:
        return None
    told = await ask_keeper(line, plugin.fetch_method(line.context, reference, before.reference))
    if isinstance(told, Refusal):
        return told
    if told is None:
        await payments.journal.submit(tenant.schema, EndMethod(method))
        return None
    if told.reference != before.reference or not is_sound(told):
        log.error("method_malformed", plugin=method.provider)
        return CUSTOMER_SILENT
    if told != before:
        sealed = await payments.persons.seal(tenant, method.player_id, msgspec.json.encode(told))
        if isinstance(sealed, Refusal):
            return sealed
        twin = names.twin(method.provider, told.fingerprint)
        await payments.journal.submit(tenant.schema, UpdateMethod(method, sealed, twin))
    return told


async def follow_method(
    payments: Payments, tenant: TenantRef, provider: str, reference: str
) -> Outcome:
    """Look at the method that an event names; one that is none of ours, or over, is no matter."""
    names = await names_of(payments, tenant)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        method = await saved.method_by_mark(tx.driver, names.mark(provider, reference))
    if method is None or method.state is not MethodState.SAVED:
        return NO_CHANGE
    told = await look_at_method(payments, tenant, method)
    return told if isinstance(told, Refusal) else NO_CHANGE


async def refresh_method(payments: Payments, tenant: TenantRef, method_id: str) -> None:
    """Look at a method that was refused, while it is saved."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        method = await saved.method_by_id(tx.driver, method_id)
    if method is not None and method.state is MethodState.SAVED:
        await look_at_method(payments, tenant, method)
