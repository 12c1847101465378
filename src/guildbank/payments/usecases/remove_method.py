"""Remove a saved method: it pays no more from the commit on; then its provider lets go of it."""

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal, parse_id
from guildbank.payments import saved
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.refusals_saved import NO_METHOD
from guildbank.payments.contracts.saved import METHOD_REMOVED, MethodState, PaymentMethod
from guildbank.payments.saved import METHODS, SAVED_OF
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_about
from guildbank.payments.usecases.end_method import EndMethod
from guildbank.payments.usecases.saved_names import ask_keeper, keeper, names_of, open_method

log = structlog.get_logger(__name__)
ASKED = "asked"


class RemoveMethod(Act):
    """Take a method away from its player; from here on no attempt is begun with it."""

    verb = "payments.remove_method"
    __slots__ = ("method_id", "player_id")

    def __init__(self, principal: str, player_id: str, method_id: str) -> None:
        super().__init__(principal)
        self.player_id = player_id
        self.method_id = method_id

    def needs(self, stage: Stage) -> list[Need]:
        """Return the method, and what its player has saved."""
        return [(METHODS, self.method_id), (SAVED_OF, self.player_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Remove it. Refusals: `not_found`, `no_change` (removed before)."""
        known = stage.get(METHODS, self.method_id)
        if known is None or known.player_id != self.player_id:
            return NO_METHOD
        if known.state is not MethodState.SAVED:
            return NO_CHANGE
        taken = msgspec.structs.replace(
            known, state=MethodState.REMOVING, code=ASKED, changed_at=stage.now
        )
        stage.put(METHODS, taken.id, taken)
        left = stage.get(SAVED_OF, self.player_id) or ()
        stage.put(SAVED_OF, self.player_id, tuple(one for one in left if one.id != taken.id))
        told = {"method": taken.id, "player": taken.player_id, "provider": taken.provider}
        return Draft(METHOD_REMOVED, facts(told))


async def remove_method(
    payments: Payments, tenant: TenantRef, principal: str, player_id: str, method_id: str
) -> Refusal | None:
    """Remove a player's method; safe to repeat. Its provider lets go of it afterwards.

    Refusals: `not_found` (another player's, too), `tenant_suspended`. Raises Unavailable.
    """
    if parse_id("pmt", method_id) is None:
        return NO_METHOD
    act = RemoveMethod(principal, player_id, method_id)
    outcome = await payments.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal):
        return None if outcome == NO_CHANGE else outcome
    payments.start(_let_go(payments, tenant, method_id))
    return None


async def _let_go(payments: Payments, tenant: TenantRef, method_id: str) -> None:
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        method = await saved.method_by_id(tx.driver, method_id)
    if method is not None:
        await detach_method(payments, tenant, method)


async def detach_method(payments: Payments, tenant: TenantRef, method: PaymentMethod) -> bool:
    """Let the provider let go of a method that was removed; False where it is to be asked again."""
    if method.state is not MethodState.REMOVING:
        return True
    line = await line_about(payments, tenant, method.provider, method.payment_id)
    if isinstance(line, Refusal):
        return False
    plugin = keeper(line)
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        customer = await saved.customer_by_id(tx.driver, method.customer_id)
    names = await names_of(payments, tenant)
    reference = None if customer is None else names.open(customer)
    known = await open_method(payments, tenant, method)
    # Of who was erased all methods go with the customer.
    if known is not None and reference is not None:
        if plugin is None:
            return False
        said = await ask_keeper(
            line, plugin.remove_method(line.context, reference, known.reference)
        )
        if isinstance(said, Refusal):
            return False
    outcome = await payments.journal.submit(tenant.schema, EndMethod(method))
    if isinstance(outcome, Refusal) and outcome != NO_CHANGE:
        log.error("method_not_ended", method=method.id, code=outcome.code)
        return False
    return True
