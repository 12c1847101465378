"""Say what a purchase would cost in all, without making it."""

from typing import NamedTuple

import msgspec

from guildbank.identity import UNKNOWN_PLAYER
from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal, new_id, parse_id
from guildbank.payments import saved
from guildbank.payments.contracts.sale import Purchase, Quote, Whence
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.attempt import Asked
from guildbank.payments.usecases.choose_method import provider_of
from guildbank.payments.usecases.sell import sell, wish_of
from guildbank.plugin_api import Charge, added_of


class Quoted(NamedTuple):
    """A quote whose amount is the total, the provider that would be asked, and the lines."""

    quote: Quote
    provider: str
    charges: tuple[Charge, ...]

    @property
    def price_minor(self) -> int:
        """The price, without what the lines add."""
        return self.quote.amount_minor - added_of(self.charges)


async def quote_payment(
    payments: Payments, tenant: TenantRef, principal: str, purchase: Purchase, whence: Whence
) -> Quoted | Refusal:
    """Return what the purchase would cost now. Nothing is stored, and no limit is reserved.

    Refusals: `unknown_player`, and those by which a payment does not begin, up to its first commit.
    """
    if parse_id("player", purchase.player_id) is None:
        return UNKNOWN_PLAYER
    async with payments.db.begin(tenant.schema, read_only=True) as tx:
        if not await saved.is_player(tx.driver, purchase.player_id):
            return UNKNOWN_PLAYER
    by = Asked(principal, whence=whence)
    named = await provider_of(
        payments, tenant, purchase.player_id, wish_of(purchase),
        provider=purchase.provider, method=purchase.method,
    )  # fmt: skip
    if isinstance(named, Refusal):
        return named
    # A saved method says which provider is asked; nobody is asked about it for a price.
    asked = msgspec.structs.replace(
        purchase, provider=named, method=None, method_id=None, save_method=False
    )
    look = payments.looks.look(tenant.schema, fresh=True)
    sale = await sell(payments, tenant, asked, new_id("pay"), by, look)
    if isinstance(sale, Refusal):
        return sale
    return Quoted(sale.quote, sale.choice.provider, sale.charges or ())
