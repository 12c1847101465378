"""Forget a provider's customer whose player was erased: all that is kept there goes with it."""

from datetime import timedelta

import msgspec
import structlog

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments.archive import Gathered, Subject
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.contracts.saved import CUSTOMER_FORGOTTEN, Customer, CustomerState
from guildbank.payments.saved import CUSTOMERS
from guildbank.payments.usecases import Payments, provider_principal
from guildbank.payments.usecases.accounts import line_with
from guildbank.payments.usecases.open_customer import request_of
from guildbank.payments.usecases.saved_names import ask_keeper, keeper, names_of

log = structlog.get_logger(__name__)
_FOUND_AFTER = timedelta(hours=1)
"""What a provider made without being heard is found by a look this much later, not before."""


class ForgetCustomer(Act):
    """Record that the provider has let go, and drop its name."""

    verb = "payments.forget_customer"
    __slots__ = ("customer_id",)

    def __init__(self, customer: Customer) -> None:
        super().__init__(provider_principal(customer.provider))
        self.customer_id = customer.id

    def needs(self, stage: Stage) -> list[Need]:
        """Return the customer."""
        return [(CUSTOMERS, self.customer_id)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Forget it, or say `no_change`."""
        known = stage.get(CUSTOMERS, self.customer_id)
        if known is None or known.state is not CustomerState.FORGETTING:
            return NO_CHANGE
        gone = msgspec.structs.replace(
            known, state=CustomerState.FORGOTTEN, sealed=None, changed_at=stage.now
        )
        stage.put(CUSTOMERS, gone.id, gone)
        told = {"customer": gone.id, "player": gone.player_id, "provider": gone.provider}
        return Draft(CUSTOMER_FORGOTTEN, facts(told))


async def forget_customer(payments: Payments, tenant: TenantRef, customer: Customer) -> bool:
    """Let the provider let go of an erased player; False where it is to be asked again."""
    line = await line_with(payments, tenant, customer.provider, customer.state_version)
    plugin = None if isinstance(line, Refusal) else keeper(line)
    if isinstance(line, Refusal) or plugin is None:
        return False
    reference = (await names_of(payments, tenant)).open(customer)
    if reference is None and payments.clock.now() - customer.created_at < _FOUND_AFTER:
        return False
    request = request_of(customer, reference)
    asked: list[Gathered] = []
    line = line.gathering(payments, asked)
    said = await ask_keeper(line, plugin.forget_customer(line.context, request))
    # The person's key is gone, and so is to be what the provider called them.
    nameless = [one.nameless for one in asked]
    payments.archive.keep_gathered(tenant, Subject(about=customer.id), nameless)
    if isinstance(said, Refusal):
        return False
    outcome = await payments.journal.submit(tenant.schema, ForgetCustomer(customer))
    if isinstance(outcome, Refusal) and outcome != NO_CHANGE:
        log.error("customer_not_forgotten", customer=customer.id, code=outcome.code)
        return False
    return True
