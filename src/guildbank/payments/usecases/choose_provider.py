"""Choose who takes the money, by the routes of the payment's pipeline, and say why."""

from collections.abc import Sequence
from typing import NamedTuple

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments import store
from guildbank.payments.charged import price_of
from guildbank.payments.contracts.rows import Intent
from guildbank.payments.contracts.sale import Purchase, Quote
from guildbank.payments.usecases import Payments
from guildbank.pipelines import Because, Bought, Route, lead, route_of
from guildbank.plugin_host import Withheld


class Choice(NamedTuple):
    """The provider, and why this one."""

    provider: str
    because: Because


async def choose_provider(
    payments: Payments,
    tenant: TenantRef,
    routes: Sequence[Route],
    bought: Bought,
    payment_id: str,
    named: str | None,
) -> Choice | Refusal:
    """Return who takes a new payment; `named` is whom the buyer wants.

    Refusals: `no_route`, `provider_not_offered`, `provider_required`.
    """
    usable = [] if named is not None else await usable_providers(payments, tenant, bought.currency)
    led = lead(routes, bought, payment_id, named, usable)
    return led if isinstance(led, Refusal) else Choice(led.providers[0], led.because)


async def next_choice(
    payments: Payments, tenant: TenantRef, routes: Sequence[Route], intent: Intent
) -> Choice | None:
    """Return who may take the payment after its last provider certainly did not, if anybody.

    Only those that its route names as others come, in their order, each once.
    """
    route = route_of(routes, bought_of(intent, intent))
    if route is None:
        return None
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        tried = {one.provider for one in await store.attempts_of(tx.driver, intent.id)}
    usable = await usable_providers(payments, tenant, intent.money)
    left = [one for one in route.otherwise if one in usable and one not in tried]
    if not left:
        return None
    passed_over = tuple(one for one in route.otherwise if one not in usable)
    because = Because(by="fallback", route=route.id, after=intent.problem, passed_over=passed_over)
    return Choice(left[0], because)


async def usable_providers(payments: Payments, tenant: TenantRef, currency: str) -> list[str]:
    """Return the providers with an account that is on, that take the money, and that answer."""
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        accounts = await store.accounts(tx.driver)
    usable = []
    for account in accounts:
        plugin = payments.plugins.provider(account.id)
        if not account.enabled or plugin is None or isinstance(plugin, Withheld):
            continue
        manifest = plugin.manifest
        answers = payments.rates.of((tenant.schema, account.id)).allows()
        allowed = not manifest.sandbox or tenant.mode == "test"
        if answers and allowed and manifest.takes(currency):
            usable.append(account.id)
    return usable


def bought_of(asked: Purchase | Intent, sale: Quote | Intent) -> Bought:
    """Return what routes look at: the price alone, since a store would charge otherwise."""
    return Bought(
        country=asked.country,
        currency=sale.money,
        amount_minor=price_of(sale) if isinstance(sale, Intent) else sale.amount_minor,
        product=sale.product_id,
        platform=asked.platform,
    )
