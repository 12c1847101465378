"""Make the asset of a money that a provider reports and nothing was priced in yet."""

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Receipt, Stage, facts
from guildbank.kernel import Refusal
from guildbank.ledger import ASSETS, money_asset
from guildbank.payments.contracts.refusals import NO_CHANGE
from guildbank.payments.usecases import Payments
from guildbank.plugin_api import Outcome, OutcomeStatus


class OpenMoney(Act):
    """Make the asset of a money that a provider reports and nothing was priced in yet."""

    verb = "payments.open_money"
    __slots__ = ("money",)

    def __init__(self, money: str) -> None:
        super().__init__("system")
        self.money = money

    def needs(self, stage: Stage) -> list[Need]:
        """Return the asset."""
        return [(ASSETS, self.money)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Make the asset, unless it is there."""
        if stage.get(ASSETS, self.money) is not None:
            return NO_CHANGE
        stage.put(ASSETS, self.money, money_asset(self.money))
        return Draft("payments.money_opened", facts({"money": self.money}))


async def open_money(payments: Payments, tenant: TenantRef, outcome: Outcome) -> None:
    """Make the accounts of the money that a capture is in, unless they are known to be there."""
    money = (tenant.id, outcome.currency or "")
    if outcome.status is OutcomeStatus.PROCESSED and money not in payments.opened:
        opened = await payments.journal.submit(tenant.schema, OpenMoney(money[1]))
        if isinstance(opened, Receipt) or opened == NO_CHANGE:
            payments.opened.add(money)
