"""Say what a purchase costs, through every stage before its first commit."""

from typing import NamedTuple

import msgspec

from guildbank.infra.tenant import TenantRef
from guildbank.journal import Look
from guildbank.kernel import Refusal
from guildbank.payments.contracts.sale import Order, Purchase, Quote, Whence
from guildbank.payments.store import ACCOUNTS
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import Line, line_for_sale, line_of
from guildbank.payments.usecases.ask_steps import ask_steps
from guildbank.payments.usecases.attempt import Asked, Sent, purchase_view
from guildbank.payments.usecases.charges import entry_steps
from guildbank.payments.usecases.choose_method import (
    Kept,
    MethodWish,
    choose_method,
    provider_of,
)
from guildbank.payments.usecases.choose_provider import Choice, bought_of, choose_provider
from guildbank.pipelines import Answer, Chosen, choose_by, ready
from guildbank.plugin_api import Charge, Payer, Slot, added_of


class Sale(NamedTuple):
    """What it costs, the revision of the pipeline that lets it in, and who takes the money.

    `line` leads there. `is_checked` says that no step is left to be asked before its first attempt.
    The amount of the quote is the total, with what its `charges` add to the price; they are None
    where no charge step was asked.
    `kept` is what it has to do with saved methods.
    """

    quote: Quote
    revision: int
    choice: Choice
    checked: tuple[Answer, ...]
    line: Line
    is_checked: bool
    kept: Kept | None
    charges: tuple[Charge, ...] | None = None


async def sell(
    payments: Payments,
    tenant: TenantRef,
    purchase: Purchase,
    payment_id: str,
    by: Asked,
    look: Look,
) -> Sale | Refusal:
    """Return what the purchase costs, once every stage before the first commit agrees.

    It goes by rows of the look, which may be remembered ones.

    Refusals: those of the Fulfilment's quote, and all by which a payment is not made.
    """
    named = await provider_of(
        payments, tenant, purchase.player_id, wish_of(purchase),
        provider=purchase.provider, method=purchase.method,
    )  # fmt: skip
    if isinstance(named, Refusal):
        return named
    order = Order(
        player_id=purchase.player_id, product_id=purchase.product_id, coins=purchase.coins,
        money=purchase.money, country=purchase.country, at=payments.clock.now(),
    )  # fmt: skip
    offered = await _look_up(payments, tenant, order, named, look)
    if isinstance(offered, Refusal):
        return offered
    line, quote, chosen = offered
    runs = await ready(payments.pipelines, tenant, chosen)
    if isinstance(runs, Refusal):
        return runs
    choice = await choose_provider(
        payments, tenant, runs.stages.routes, bought_of(purchase, quote), payment_id, named
    )
    if isinstance(choice, Refusal):
        return choice
    view = purchase_view(purchase, quote, choice.provider, whence=by.whence)
    entry = entry_steps(payments, runs.stages, choice.provider, quote.amount_minor)
    passage = await ask_steps(payments, tenant, entry, view, payment_id)
    if passage.refusal is not None:
        return passage.refusal
    if line is None:
        found = await line_for_sale(payments, tenant, choice.provider)
        if isinstance(found, Refusal):
            return found
        line = found
    kept: Kept | None = None
    if wish := wish_of(purchase):
        chosen_method = await choose_method(
            payments, tenant, line, purchase.player_id, wish, by.principal
        )
        if isinstance(chosen_method, Refusal):
            return chosen_method
        kept = chosen_method
    is_checked = not (runs.stages.before or runs.stages.scorers)
    charges = passage.charges if any(one.slot is Slot.CHARGE for one in entry) else None
    total = quote.amount_minor + added_of(passage.charges)
    priced = msgspec.structs.replace(quote, amount_minor=total)
    return Sale(priced, runs.number, choice, passage.answers, line, is_checked, kept, charges)


async def _look_up(
    payments: Payments, tenant: TenantRef, order: Order, named: str | None, look: Look
) -> tuple[Line | None, Quote, Chosen] | Refusal:
    """Return the line to the provider that was named, the price, and the revision to pass."""
    async with look:
        account = None
        if named is not None:
            account = await look.get(ACCOUNTS, named)
        quote = await payments.fulfilment.quote(look, order)
        purpose = None if isinstance(quote, Refusal) else quote.purpose
        chosen = purpose and await choose_by(
            payments.pipelines, look, tenant.schema, purpose, order.player_id
        )
    line = None if named is None else await line_of(payments, tenant, named, account)
    if isinstance(line, Refusal):
        return line
    if isinstance(quote, Refusal):
        return quote
    assert isinstance(chosen, Chosen), "what has a price has a purpose"
    return line, quote, chosen


def wish_of(purchase: Purchase) -> MethodWish:
    """Return what a purchase wants of saved methods."""
    return MethodWish(purchase.method_id, purchase.save_method)


def sent_of(provider: str, purchase: Purchase, whence: Whence, kept: Kept | None) -> Sent:
    """Return what goes to a provider."""
    named = purchase.payer or Payer()
    payer = msgspec.structs.replace(named, address=named.address or whence.address)
    wish = wish_of(purchase)
    return Sent(provider, purchase.method, purchase.return_url, payer, wish, kept)
