"""Say what becomes of coins already spent when their money goes back, for one game currency."""

from typing import ClassVar

from guildbank.approvals import gate
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Outcome, Stage, facts
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import NO_CHANGE, NO_CURRENCY, NO_PROVIDER
from guildbank.payments.contracts.spent import SPENT_COINS_SET, SpentPolicy
from guildbank.payments.spent import SPENT, all_policies
from guildbank.payments.usecases import Payments
from guildbank.tenancy import SpentCoins
from guildbank.wallets import CURRENCIES


class SetSpentCoins(Act):
    """Puts another policy in the place of a currency's; what was taken back stays as it is."""

    verb: ClassVar[str] = "payments.set_spent_coins"
    __slots__ = ("policy",)

    def __init__(self, principal: str, policy: SpentPolicy) -> None:
        super().__init__(principal)
        self.policy = policy

    def needs(self, stage: Stage) -> list[Need]:
        """Return the currency and its policy."""
        return [(CURRENCIES, self.policy.currency), (SPENT, self.policy.currency)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Set it. Refusals: `not_found`, `no_change`."""
        code = self.policy.currency
        if stage.get(CURRENCIES, code) is None:
            return NO_CURRENCY
        known = stage.get(SPENT, code)
        if known == self.policy:
            return NO_CHANGE
        stage.put(SPENT, code, self.policy)
        return Draft(SPENT_COINS_SET, facts(self.policy), before=known)


async def set_spent_coins(
    payments: Payments, tenant: TenantRef, principal: str, policy: SpentPolicy
) -> Outcome:
    """Set a currency's policy, or store the wish for it.

    Refusals: `not_found`, `unknown_provider`, `no_change`, `too_many_approvals`,
    `tenant_suspended`. Raises Unavailable.
    """
    if any(payments.plugins.provider(name) is None for name in policy.providers):
        return NO_PROVIDER
    act = SetSpentCoins(principal, policy)
    gated = await gate(payments.four_eyes, tenant, act, act.verb, policy)
    return await payments.journal.submit(tenant.schema, gated)


async def list_spent_coins(payments: Payments, tenant: TenantRef) -> list[SpentPolicy]:
    """Return the policies of all currencies that have one."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        return await all_policies(tx.driver)


async def spent_default(payments: Payments, tenant: TenantRef) -> SpentCoins:
    """Return the tenant's policy, by which currencies go that have none of their own."""
    settings = await payments.tenants.settings(tenant.id)
    return "refuse" if settings is None else settings.spent_coins
