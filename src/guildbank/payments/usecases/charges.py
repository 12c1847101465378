"""Which steps charge a purchase, and who may take a payment once its total is fixed."""

from guildbank.payments.contracts.rows import Intent
from guildbank.payments.usecases import Payments
from guildbank.pipelines import Placed, Stages


def entry_steps(
    payments: Payments, stages: Stages, provider: str, price_minor: int
) -> tuple[Placed, ...]:
    """Return the steps before a purchase is stored.

    A store sets its own price and collects what is due on it, so that there nobody charges, nor
    where the purchase costs nothing.
    """
    return stages.entries(charged=price_minor > 0 and not _is_store(payments, provider))


def may_take(payments: Payments, stages: Stages, intent: Intent, provider: str) -> bool:
    """Say whether the provider may take a payment of the revision with these stages.

    One that began in a store has no lines, and would leave what is due elsewhere unpaid.
    """
    fixed = intent.charges is not None or not stages.charges or intent.amount_minor == 0
    return fixed or _is_store(payments, provider)


def _is_store(payments: Payments, provider: str) -> bool:
    plugin = payments.plugins.provider(provider)
    return plugin is not None and plugin.manifest.sold_by_store
